-- Compare and set: no row is updated when another member has moved the checkpoint. Locks: the row, until the batch is
-- committed. It comes before anything the batch locks, so a zombie waits here and then does nothing.
UPDATE checkpoints
SET version = version + 1, position = @position, next_offset = @next_offset,
    topic_id = @topic_id, leader_epoch = @leader_epoch, cluster_id = @cluster_id, updated_at = now(),
    consumed = consumed + @applied::bigint + @skipped::bigint + @parked::bigint,
    applied = applied + @applied::bigint, skipped = skipped + @skipped::bigint, parked = parked + @parked::bigint
WHERE consumer = @consumer AND topic = @topic AND partition = @partition AND version = @version
