-- A snapshot of an earlier event does not replace one of a later. Rows go in by stream, so that two statements cannot wait
-- for each other. Locks: the rows.
INSERT INTO snapshots AS s (event_id, version, state_version, stream, state)
SELECT event_id, version, state_version, stream, state
FROM unnest(@ids::uuid[], @versions::integer[], @state_versions::integer[], @streams::text[], @states::json[])
    AS t (event_id, version, state_version, stream, state)
ORDER BY stream, state_version
ON CONFLICT ON CONSTRAINT snapshots_pkey DO UPDATE
SET event_id = excluded.event_id, taken_at = excluded.taken_at, version = excluded.version, state = excluded.state
WHERE s.version <= excluded.version
