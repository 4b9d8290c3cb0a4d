-- Until the end of the transaction, nobody else changes which generations a model has or which is live. Locks: an advisory
-- one, which is the first of every transaction that takes it.
SELECT pg_advisory_xact_lock(hashtext('ordo generations'), hashtext(@model::text))
