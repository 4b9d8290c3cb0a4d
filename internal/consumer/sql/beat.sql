-- Sign of life of one member: how long ago its loop turned. Members of long ago are forgotten. Locks: the rows.
WITH gone AS (
    DELETE FROM consumer_members
    WHERE consumer = @consumer AND member <> @member AND beat_at < now() - interval '1 hour'
)
INSERT INTO consumer_members (consumer, member, started_at, beat_at, partitions, error)
VALUES (@consumer, @member, now(), now() - @ago::interval, @partitions, @error)
ON CONFLICT ON CONSTRAINT consumer_members_pkey DO UPDATE
SET beat_at = excluded.beat_at, partitions = excluded.partitions, error = excluded.error
