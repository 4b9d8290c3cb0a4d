-- COPY takes no parameters: the numbers are filled in by the program. Locks: none.
COPY (
    SELECT position, prev, recorded_at, event_id, version, schema_version, partition, stream, type, data, metadata
    FROM events
    WHERE position > %d AND position <= %d
    ORDER BY position
) TO STDOUT (FORMAT binary)
