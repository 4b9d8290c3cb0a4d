-- Of events that are not the first of their streams, the first one whose predecessor is not before it. One descent of
-- events_stream_version_key per event. Locks: none.
SELECT e.position
FROM unnest(@streams::text[], @versions::integer[], @positions::bigint[]) AS e (stream, version, position)
WHERE NOT EXISTS (
    SELECT
    FROM events p
    WHERE p.stream = e.stream AND p.version = e.version - 1 AND p.position < e.position
)
ORDER BY e.position
LIMIT 1
