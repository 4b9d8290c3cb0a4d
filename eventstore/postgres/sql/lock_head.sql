-- Locks: the row of log_head, until the end of the transaction. Every writer takes it before it touches receipts, tasks
-- or events, so writers cannot deadlock among themselves. What it returns may be older than the lock: nobody looks at it.
SELECT
FROM log_head
FOR UPDATE
