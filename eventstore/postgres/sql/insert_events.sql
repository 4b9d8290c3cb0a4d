-- Under the head lock, before move_head: the rows get the places 1..n behind the head. Must be a statement of its own after
-- lock_head, whose snapshot may be older than the head. prev is a place too, or 0 for the tail that the partition has.
-- Rows go in by position, so the rows and the entries of the primary key are appended in order. Locks: the new rows.
WITH stored AS (
    INSERT INTO events
        (position, prev, recorded_at, event_id, version, schema_version, partition, stream, type, data, metadata)
    SELECT
        h.position + e.n,
        CASE WHEN e.prev > 0 THEN h.position + e.prev ELSE h.tails[e.partition + 1] END,
        statement_timestamp(),
        e.event_id, e.version, e.schema_version, e.partition, e.stream, e.type, e.data, e.metadata
    FROM log_head h, unnest(
        @prevs::bigint[], @ids::uuid[], @versions::integer[], @schema_versions::integer[], @partitions::integer[],
        @streams::text[], @types::text[], @data::json[], @metadata::json[]
    ) WITH ORDINALITY AS e (prev, event_id, version, schema_version, partition, stream, type, data, metadata, n)
    RETURNING position, recorded_at
)
SELECT min(position), min(recorded_at)
FROM stored
