-- Must be a statement of its own before the streams are read: it waits for those who are changing them.
-- Locks: advisory ones until the end of the transaction, in the order of the slots, which is the same for everybody. They
-- come after the checkpoint's row, which nobody waits for who has one of these, and before the head of the log.
SELECT pg_advisory_xact_lock(@class::integer, slot)
FROM unnest(@slots::integer[]) AS slot
