-- The first checkpoint of a partition. No row is inserted when another member was faster. Locks: the new row; a second
-- inserter waits for the first to commit. It comes before anything the batch locks, so the order is the same everywhere.
INSERT INTO checkpoints (consumer, topic, partition, version, position, next_offset, topic_id, leader_epoch, cluster_id,
                         consumed, applied, skipped, parked)
VALUES (@consumer, @topic, @partition, 1, @position, @next_offset, @topic_id, @leader_epoch, @cluster_id,
        @applied::bigint + @skipped::bigint + @parked::bigint, @applied, @skipped, @parked)
ON CONFLICT ON CONSTRAINT checkpoints_pkey DO NOTHING
