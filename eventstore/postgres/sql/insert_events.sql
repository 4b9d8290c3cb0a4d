-- Under the head lock. Rows go in by position, so the rows and the entries of the primary key are appended in order.
-- Locks: the new rows.
INSERT INTO events
    (position, prev, recorded_at, event_id, version, schema_version, partition, stream, type, data, metadata)
SELECT
    @first::bigint + e.n - 1, e.prev, @recorded_at::timestamptz, e.event_id, e.version, e.schema_version, e.partition,
    e.stream, e.type, e.data, e.metadata
FROM unnest(
    @prevs::bigint[], @ids::uuid[], @versions::integer[], @schema_versions::integer[], @partitions::integer[],
    @streams::text[], @types::text[], @data::json[], @metadata::json[]
) WITH ORDINALITY AS e (prev, event_id, version, schema_version, partition, stream, type, data, metadata, n)
