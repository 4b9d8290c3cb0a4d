-- The commits that end in a range of positions, and before them the one they follow. COPY takes no parameters: the numbers
-- are filled in by the program. Locks: none.
COPY (
    SELECT first, last, recorded_at, link
    FROM log_commits
    WHERE last >= coalesce((SELECT max(last) FROM log_commits WHERE last <= %[1]d), 0)
      AND last <= %[2]d
    ORDER BY last
) TO STDOUT (FORMAT binary)
