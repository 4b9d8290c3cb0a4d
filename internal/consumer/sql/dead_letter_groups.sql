-- Dead letters by what is wrong: one row per consumer and fingerprint. Locks: none.
SELECT consumer, fingerprint,
       (array_agg(class ORDER BY id) FILTER (WHERE follows IS NULL))[1] AS class,
       (array_agg(type ORDER BY id) FILTER (WHERE follows IS NULL))[1] AS type,
       (array_agg(error ORDER BY id DESC))[1] AS error,
       count(*) FILTER (WHERE follows IS NULL) AS failed,
       count(*) FILTER (WHERE follows IS NOT NULL) AS waiting,
       count(DISTINCT (topic, partition, key)) FILTER (WHERE key <> '') AS keys,
       min(parked_at) AS first_at, max(parked_at) AS last_at,
       (SELECT count(*) FROM parked_keys AS k
        WHERE k.consumer = e.consumer AND k.request IS NOT NULL
          AND EXISTS (SELECT FROM parked_events AS w WHERE w.consumer = k.consumer AND w.topic = k.topic AND w.partition = k.partition
                        AND w.key = k.key AND w.status = 'parked' AND w.fingerprint = e.fingerprint)) AS requested
FROM parked_events AS e
WHERE status = 'parked' AND (@consumer = '' OR consumer = @consumer)
GROUP BY consumer, fingerprint
ORDER BY min(id)
