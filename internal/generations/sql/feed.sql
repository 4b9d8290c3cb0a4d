-- The generations that a program with this fold feeds, and a sign of life for each. Locks: their rows.
UPDATE generations
SET fed_at = clock_timestamp()
WHERE model = @model AND fold_version = @fold_version AND fed AND NOT dropped
RETURNING number
