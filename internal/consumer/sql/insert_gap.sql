-- Locks: the new row.
INSERT INTO gap_refilled (consumer, topic, partition, after_position, last_position, events)
VALUES (@consumer, @topic, @partition, @after, @last, @events)
