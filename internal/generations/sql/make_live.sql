-- Locks: the row.
UPDATE generations SET state = 'live', live_at = clock_timestamp() WHERE model = @model AND number = @number AND NOT dropped
