-- Locks: none; the caller has locked the model.
SELECT coalesce(max(number), 0) + 1 FROM generations WHERE model = @model
