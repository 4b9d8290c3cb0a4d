-- Locks: the row of log_head, until the end of the transaction. Every writer takes it before it touches receipts, tasks
-- or events, so writers cannot deadlock among themselves.
SELECT position, tails
FROM log_head
FOR UPDATE
