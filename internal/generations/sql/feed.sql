-- The generations that a program with this fold feeds, and a sign of life for each. Locks: their rows, but it waits for none: a
-- row that a swap has in hand gets its sign of life with the next look.
WITH fed AS (
    SELECT model, number FROM generations WHERE model = @model AND fold_version = @fold_version AND fed AND NOT dropped
), free AS (
    SELECT g.model, g.number FROM generations g JOIN fed USING (model, number) FOR NO KEY UPDATE OF g SKIP LOCKED
), alive AS (
    UPDATE generations g SET fed_at = clock_timestamp() FROM free WHERE g.model = free.model AND g.number = free.number
)
SELECT number FROM fed ORDER BY number
