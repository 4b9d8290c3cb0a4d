-- Notes how far a generation has come. Times are those of the first note of a state. Locks: the row.
UPDATE generations
SET state = @state, fed = @fed, built_to = @built_to, events = @events, rows = @rows, checksum = @checksum, reason = @reason,
    caught_up_at = CASE WHEN @state = 'caught_up' THEN coalesce(caught_up_at, clock_timestamp()) ELSE caught_up_at END,
    verified_at = CASE WHEN @state = 'verified' THEN coalesce(verified_at, clock_timestamp()) ELSE verified_at END
WHERE model = @model AND number = @number AND NOT dropped
