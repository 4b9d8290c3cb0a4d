-- Locks: none. A member that has not beaten for a while has died, or hangs.
SELECT count(*) FILTER (WHERE beat_at > now() - interval '15 seconds'), max(beat_at),
       coalesce(max(error) FILTER (WHERE error <> '' AND beat_at > now() - interval '15 seconds'), ''),
       (SELECT count(*) FROM parked_events WHERE consumer = @consumer AND status = 'parked' AND key <> '')
FROM consumer_members
WHERE consumer = @consumer
