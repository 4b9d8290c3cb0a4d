-- Under the head lock, after everything that is numbered from it. tails has a place for each partition that got events, 0
-- for the others.
UPDATE log_head
SET position = position + @events::bigint,
    tails = ARRAY(
        SELECT CASE WHEN t.place > 0 THEN position + t.place ELSE t.tail END
        FROM unnest(tails, @tails::bigint[]) WITH ORDINALITY AS t (tail, place, n)
        ORDER BY t.n
    )
