-- Locks: the rows. Only who has moved the checkpoint of their partition comes here.
UPDATE parked_events
SET status = @status, resolved_at = now(), reason = @reason, redrives = redrives + CASE WHEN @status = 'applied' THEN 1 ELSE 0 END
WHERE id = ANY (@ids) AND status = 'parked'
