-- Under the head lock, after everything that is numbered from it. Adds the group's link to the hash chain (the encoding is
-- that of eventstore.LinkHash) and makes it the head's. tails has a place for each partition that got events, 0 for the
-- others. Locks: the new row.
WITH added AS (
    INSERT INTO log_commits (first, last, recorded_at, link)
    SELECT
        first, last, recorded_at,
        sha256(
            '\x01'
            || link
            || int8send(first)
            || int8send(last)
            || int8send((extract(epoch FROM recorded_at) * 1000000)::bigint)
            || @leaves::bytea
        )
    FROM (
        SELECT
            position + 1 AS first,
            position + @events::bigint AS last,
            (SELECT e.recorded_at FROM events e WHERE e.position = h.position + 1) AS recorded_at,
            link
        FROM log_head h
    ) AS next
    RETURNING last, link
)
UPDATE log_head
SET position = added.last,
    linked = added.last,
    link = added.link,
    tails = ARRAY(
        SELECT CASE WHEN t.place > 0 THEN position + t.place ELSE t.tail END
        FROM unnest(tails, @tails::bigint[]) WITH ORDINALITY AS t (tail, place, n)
        ORDER BY t.n
    )
FROM added
