-- All that is known of a consumer that is no more. Locks: the rows.
WITH letters AS (DELETE FROM parked_events WHERE consumer = @consumer),
     keys AS (DELETE FROM parked_keys WHERE consumer = @consumer),
     gaps AS (DELETE FROM gap_refilled WHERE consumer = @consumer),
     members AS (DELETE FROM consumer_members WHERE consumer = @consumer)
DELETE FROM checkpoints WHERE consumer = @consumer
