-- The first event that a reader has not seen, when it has seen each partition p up to seen[p+1]. Reads the log from the
-- lowest of those that are behind the partition's tail; a reader that has seen everything costs one look at the head.
-- Locks: none.
WITH behind AS (
    SELECT ordinality - 1 AS partition, seen
    FROM log_head, unnest(@seen::bigint[], tails) WITH ORDINALITY AS t (seen, tail)
    WHERE seen < tail
)
SELECT coalesce(min(position), 0)
FROM events
JOIN behind USING (partition)
WHERE position > seen
  AND position > (SELECT min(seen) FROM behind)
