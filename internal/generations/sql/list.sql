-- Locks: none.
SELECT model, number, fold_version, state, fed, dropped, shape, until, built_to, events, rows, checksum, reason,
       created_at, caught_up_at, verified_at, live_at, retired_at, fed_at
FROM generations
WHERE model = @model
ORDER BY number
