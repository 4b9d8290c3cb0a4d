-- Where another consumer reads on is early enough for one that has applied as much or more. Locks: the rows of the adopter.
UPDATE checkpoints AS c
SET version = c.version + 1, next_offset = o.next_offset, topic_id = o.topic_id, leader_epoch = o.leader_epoch,
    cluster_id = o.cluster_id, updated_at = now()
FROM checkpoints AS o
WHERE c.consumer = @consumer AND c.topic = @topic AND o.consumer = @other AND o.topic = c.topic
  AND o.partition = c.partition AND o.position <= c.position
