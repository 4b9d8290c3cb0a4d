-- What a reader has not seen that has seen each partition p up to seen[p+1]. Reads the log from the lowest of those that are
-- behind the partition's tail; a reader that has seen everything costs one look at the head. One statement, so all of it is
-- of one moment. Locks: none.
WITH behind AS MATERIALIZED (
    SELECT ordinality - 1 AS partition, coalesce(seen, 0) AS seen
    FROM log_head, unnest(@seen::bigint[], tails) WITH ORDINALITY AS t (seen, tail)
    WHERE coalesce(seen, 0) < tail
), oldest AS (
    SELECT count(*) AS events, min(position) AS first
    FROM events
    JOIN behind USING (partition)
    WHERE position > seen
      AND position > (SELECT min(seen) FROM behind)
)
SELECT log_head.position, oldest.events, coalesce(oldest.first, 0), events.recorded_at
FROM log_head
CROSS JOIN oldest
LEFT JOIN events ON events.position = oldest.first
