-- Until the end of the transaction no member of the consumer commits anything. Missing rows are made, so that a partition's
-- first batch waits as well. Locks: all of the consumer's rows in the topic, in the order of partitions.
INSERT INTO checkpoints AS c (consumer, topic, partition, version, position, next_offset, topic_id, leader_epoch, cluster_id)
SELECT @consumer, @topic, p, 1, 0, 0, '00000000-0000-0000-0000-000000000000', -1, ''
FROM generate_series(0, @partitions::integer - 1) AS p
ORDER BY p
ON CONFLICT ON CONSTRAINT checkpoints_pkey DO UPDATE SET version = c.version
