-- One partition's part of the log, for readers whose topic has lost it. The log is read by position, and other partitions'
-- events are passed over: holes are short. Locks: none.
SELECT position, prev, recorded_at, event_id, version, schema_version, partition, stream, type, data, metadata
FROM events
WHERE position > @after AND position <= @up_to AND partition = @partition
ORDER BY position
LIMIT @limit
