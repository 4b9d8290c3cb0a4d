-- move_checkpoints.sql for a single row, which is what a lone event moves: a sixth of the time. Locks: the row.
UPDATE checkpoints
SET version = version + 1, position = @position, next_offset = @next_offset,
    topic_id = @topic_id, leader_epoch = @leader_epoch, cluster_id = @cluster_id, updated_at = now(),
    consumed = consumed + @applied::bigint + @skipped::bigint + @parked::bigint,
    applied = applied + @applied::bigint, skipped = skipped + @skipped::bigint, parked = parked + @parked::bigint
WHERE consumer = @consumer AND topic = @topic AND partition = @partition
  AND version = @version
