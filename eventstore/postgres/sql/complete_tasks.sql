-- One short statement, its own transaction. Locks: the tasks' rows. Who else removes tasks locks one of them at a time, so
-- the order of rows does not matter.
DELETE FROM tasks t
USING unnest(@kinds::text[], @keys::text[], @positions::bigint[], @attempts::integer[]) AS c (kind, key, position, attempt)
WHERE t.kind = c.kind AND t.key = c.key AND t.position = c.position AND t.attempt = c.attempt
RETURNING t.kind, t.key
