-- By log_commits_pkey. Locks: none.
SELECT last, link
FROM log_commits
WHERE last <= @position
ORDER BY last DESC
LIMIT 1
