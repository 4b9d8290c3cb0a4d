-- No locks.
SELECT name, holder, epoch, expires_at > clock_timestamp() AS held
FROM leases
ORDER BY name
