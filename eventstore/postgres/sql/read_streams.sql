-- Each stream's snapshot, as a row without a type whose data is the state, then the events after it. A snapshot counts if it
-- has the state version asked for and the event it was taken after is there. By snapshots_pkey and
-- events_stream_version_key, once per stream; one statement, so snapshots and events are of one moment. Locks: none.
WITH wanted AS MATERIALIZED (
    SELECT w.stream, s.state_version, s.state, taken.*
    FROM unnest(@streams::text[], @state_versions::integer[]) AS w (stream, state_version)
    LEFT JOIN snapshots s ON s.stream = w.stream AND s.state_version = w.state_version
    LEFT JOIN LATERAL (
        SELECT e.position, e.recorded_at, e.event_id, e.version, e.partition
        FROM events e
        WHERE e.stream = s.stream AND e.version = s.version AND e.event_id = s.event_id
    ) AS taken ON true
)
SELECT
    position, 0::bigint AS prev, recorded_at, event_id, version, state_version AS schema_version, partition, stream,
    ''::text AS type, state AS data, '{}'::json AS metadata
FROM wanted
WHERE version IS NOT NULL
UNION ALL
SELECT
    e.position, e.prev, e.recorded_at, e.event_id, e.version, e.schema_version, e.partition, e.stream,
    e.type, e.data, e.metadata
FROM wanted w
CROSS JOIN LATERAL (
    SELECT *
    FROM events
    WHERE events.stream = w.stream AND events.version > COALESCE(w.version, 0)
    ORDER BY events.version
) AS e
ORDER BY stream, version
