-- What a selection of dead letters holds. Locks: none.
SELECT count(DISTINCT (consumer, topic, partition, key)) FILTER (WHERE status = 'parked' AND key <> '') AS keys,
       count(*) FILTER (WHERE status = 'parked' AND key = '') AS junk,
       count(*) FILTER (WHERE status = 'applied') AS applied,
       count(*) FILTER (WHERE status = 'discarded') AS discarded,
       (SELECT count(*) FROM parked_events AS w
        WHERE w.status = 'parked' AND w.key <> '' AND EXISTS (
            SELECT FROM parked_events AS e
            WHERE e.consumer = w.consumer AND e.topic = w.topic AND e.partition = w.partition AND e.key = w.key AND e.status = 'parked'
              AND (@consumer = '' OR e.consumer = @consumer) AND (@fingerprint = '' OR e.fingerprint = @fingerprint)
              AND (@key = '' OR e.key = @key) AND (@id = 0 OR e.id = @id))) AS events,
       (SELECT count(*) FROM parked_keys AS k WHERE k.request IS NOT NULL AND EXISTS (
            SELECT FROM parked_events AS e
            WHERE e.consumer = k.consumer AND e.topic = k.topic AND e.partition = k.partition AND e.key = k.key AND e.status = 'parked'
              AND (@consumer = '' OR e.consumer = @consumer) AND (@fingerprint = '' OR e.fingerprint = @fingerprint)
              AND (@key = '' OR e.key = @key) AND (@id = 0 OR e.id = @id))) AS requested
FROM parked_events
WHERE (@consumer = '' OR consumer = @consumer) AND (@fingerprint = '' OR fingerprint = @fingerprint)
  AND (@key = '' OR key = @key) AND (@id = 0 OR id = @id)
