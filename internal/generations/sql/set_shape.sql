-- Locks: the row. The tables have had the migrations already, whoever ran them.
UPDATE generations SET shape = greatest(shape, @shape) WHERE model = @model AND number = @number
