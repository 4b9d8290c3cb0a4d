-- Comes before anything a transaction of a replay writes. Locks: the lease's row, FOR KEY SHARE: renewing goes on meanwhile, and
-- whoever takes the lease over, which changes the epoch, waits until the transaction has ended.
SELECT EXISTS (SELECT FROM replay_leases WHERE model = @model AND epoch = @epoch FOR KEY SHARE)
