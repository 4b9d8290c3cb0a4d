-- Where a consumer is in the partitions of a topic. Locks: none. Should an older transaction still be about to commit, the
-- move that follows finds another version and gives up.
SELECT partition, version, position, next_offset, topic_id, leader_epoch, cluster_id
FROM checkpoints
WHERE consumer = @consumer AND topic = @topic
