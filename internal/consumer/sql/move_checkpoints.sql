-- Compare and set: rows that another member has moved are not updated, and then their number is too small. Locks: the rows, in
-- the order of topic and partition, until the batch is committed. It comes before anything the batch locks, so a zombie waits
-- here and then does nothing.
WITH moves AS (
    SELECT *
    FROM unnest(@topics::text[], @partitions::integer[], @versions::bigint[], @positions::bigint[], @next_offsets::bigint[],
                @topic_ids::uuid[], @leader_epochs::integer[], @cluster_ids::text[], @applied::bigint[], @skipped::bigint[], @parked::bigint[])
        AS m (topic, partition, version, position, next_offset, topic_id, leader_epoch, cluster_id, applied, skipped, parked)
), mine AS MATERIALIZED (
    SELECT c.topic, c.partition
    FROM checkpoints c
    JOIN moves m ON c.topic = m.topic AND c.partition = m.partition AND c.version = m.version
    WHERE c.consumer = @consumer
    ORDER BY c.topic, c.partition
    FOR UPDATE OF c
)
UPDATE checkpoints c
SET version = c.version + 1, position = m.position, next_offset = m.next_offset,
    topic_id = m.topic_id, leader_epoch = m.leader_epoch, cluster_id = m.cluster_id, updated_at = now(),
    consumed = c.consumed + m.applied + m.skipped + m.parked,
    applied = c.applied + m.applied, skipped = c.skipped + m.skipped, parked = c.parked + m.parked
FROM mine
JOIN moves m USING (topic, partition)
WHERE c.consumer = @consumer AND c.topic = mine.topic AND c.partition = mine.partition
