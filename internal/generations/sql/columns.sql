-- The columns of a table or view, none if it is not there. Locks: none.
SELECT attname::text
FROM pg_attribute
WHERE attrelid = to_regclass(@relation) AND attnum > 0 AND NOT attisdropped
ORDER BY attnum
