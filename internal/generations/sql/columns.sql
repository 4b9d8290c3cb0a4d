-- The columns of a table or view with their types, none if it is not there. Locks: none.
SELECT attname::text, format_type(atttypid, atttypmod)
FROM pg_attribute
WHERE attrelid = to_regclass(@relation) AND attnum > 0 AND NOT attisdropped
ORDER BY attnum
