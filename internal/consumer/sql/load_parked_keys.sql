-- The keys whose events wait, for the partitions of a topic. Locks: none. Whoever changes them moves the checkpoint of the
-- partition, so what is read here is right as long as that does not move.
SELECT partition, key, position
FROM parked_keys
WHERE consumer = @consumer AND topic = @topic
