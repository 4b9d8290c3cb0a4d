-- One statement, so one moment: what lies behind the head now cannot be an append that has just been committed.
-- Locks: none.
SELECT
    schema_version, position, link, partitions, tails,
    coalesce((SELECT min(position) FROM events), 1),
    coalesce((SELECT max(position) FROM events), 0),
    coalesce((SELECT min(first) FROM (SELECT first FROM log_commits ORDER BY last LIMIT 1) AS c), 1),
    coalesce((SELECT max(last) FROM log_commits), 0)
FROM log_head
