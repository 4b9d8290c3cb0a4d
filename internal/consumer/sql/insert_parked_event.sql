-- A dead letter. One that follows stands in the group of what it follows.
-- Locks: the new row. Only who has moved the checkpoint of the partition comes here.
INSERT INTO parked_events (consumer, topic, partition, key, position, follows, record_offset, event_id, type, attempts, truncated,
                           record_time, first_failed_at, last_failed_at, class, fingerprint, error, record_key, record_value, record_headers)
SELECT @consumer, @topic, @partition, @key, @position, @follows, @record_offset, @event_id, @type, @attempts, @truncated,
       @record_time, @first_failed_at, @last_failed_at,
       @class, coalesce(f.fingerprint, @fingerprint), coalesce(f.error, @error), @record_key, @record_value, @record_headers
FROM (VALUES (1)) AS one
LEFT JOIN parked_events AS f
    ON f.consumer = @consumer AND f.topic = @topic AND f.partition = @partition AND f.key = @key
   AND f.position = @follows AND f.status = 'parked'
