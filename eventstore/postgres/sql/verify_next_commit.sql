-- By log_commits_pkey. Locks: none.
SELECT first, last, recorded_at, link
FROM log_commits
WHERE last > @position
ORDER BY last
LIMIT 1
