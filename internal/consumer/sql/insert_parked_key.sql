-- Locks: the new row. Only who has moved the checkpoint of the partition comes here.
INSERT INTO parked_keys (consumer, topic, partition, key, position)
VALUES (@consumer, @topic, @partition, @key, @position)
