-- One statement, so one moment: what lies behind the head now cannot be an append that has just been committed.
-- Locks: none.
SELECT
    schema_version, position, link, partitions, tails,
    coalesce((SELECT max(position) FROM events), 0),
    coalesce((SELECT max(last) FROM log_commits), 0)
FROM log_head
