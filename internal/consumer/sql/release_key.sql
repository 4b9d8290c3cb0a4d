-- Forgets a parked key under which nothing waits any more. Locks: the row.
DELETE FROM parked_keys AS k
WHERE consumer = @consumer AND topic = @topic AND partition = @partition AND key = @key
  AND NOT EXISTS (SELECT FROM parked_events AS e
                  WHERE e.consumer = k.consumer AND e.topic = k.topic AND e.partition = k.partition AND e.key = k.key AND e.status = 'parked')
