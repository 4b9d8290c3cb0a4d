-- Locks: the new row. A second generation with the same number, or a second live one, is refused.
INSERT INTO generations (model, number, fold_version, state, fed, until, live_at)
VALUES (@model, @number, @fold_version, @state, @fed, @until, CASE WHEN @state = 'live' THEN clock_timestamp() END)
