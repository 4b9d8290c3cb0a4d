-- A statement of its own after lock_head, so that its snapshot is younger than the lock; before it, what is read is a hint.
-- One descent of events_stream_version_key per stream. Locks: none.
SELECT
    ARRAY(
        SELECT COALESCE((
            SELECT e.version
            FROM events e
            WHERE e.stream = s.stream
            ORDER BY e.version DESC
            LIMIT 1
        ), 0)
        FROM unnest(@streams::text[]) WITH ORDINALITY AS s (stream, n)
        ORDER BY s.n
    )
