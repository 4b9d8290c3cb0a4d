-- Only the first store that opens the log changes the row. Locks: the row of log_head.
UPDATE log_head
SET partitions = @partitions::integer, tails = array_fill(0::bigint, ARRAY[@partitions::integer])
WHERE partitions = 0
