-- Locks: the row. It comes before make_live.sql: there is never a moment with two.
UPDATE generations SET state = 'retired', retired_at = clock_timestamp() WHERE model = @model AND state = 'live'
