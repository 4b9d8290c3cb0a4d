-- The indexes of a schema that stand for no constraint: they can be made when the rows are there. Locks: none.
SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid)
FROM pg_index i
JOIN pg_class c ON c.oid = i.indrelid
WHERE c.relnamespace = to_regnamespace(@schema)
  AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid)
  AND c.relname NOT LIKE 'migrations\_%'
ORDER BY 1
