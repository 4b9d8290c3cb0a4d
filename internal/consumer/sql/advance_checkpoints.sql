-- Moves a consumer that nobody runs: its checkpoints say how far a rebuild has come. Offsets are unknown, so a member that takes
-- over begins at the start of the topic and skips by position. Locks: the rows, in the order of partitions.
INSERT INTO checkpoints AS c (consumer, topic, partition, version, position, next_offset, topic_id, leader_epoch, cluster_id)
SELECT @consumer, @topic, p.partition, 1, p.position, 0, '00000000-0000-0000-0000-000000000000', -1, ''
FROM unnest(@partitions::integer[], @positions::bigint[]) AS p (partition, position)
ORDER BY p.partition
ON CONFLICT ON CONSTRAINT checkpoints_pkey DO UPDATE
SET version = c.version + 1, position = excluded.position, updated_at = now()
WHERE c.position < excluded.position
