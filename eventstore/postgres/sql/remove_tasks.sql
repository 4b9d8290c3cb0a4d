-- Under the head lock, before insert_tasks. Locks: the rows. Who has locked one before is not waited for: a worker that removes a
-- task may itself be about to wait for the head.
DELETE FROM tasks
WHERE ctid = ANY (ARRAY(
    SELECT free.place
    FROM unnest(@kinds::text[], @keys::text[]) AS done (kind, key), LATERAL (
        SELECT ctid AS place
        FROM tasks
        WHERE kind = done.kind AND key = done.key
        FOR UPDATE SKIP LOCKED
    ) AS free
))
