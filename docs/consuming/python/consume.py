"""Applies the events of a topic to a table of its own, each exactly once: the position goes into the transaction of the work.
It says what it has applied.

    pip install confluent-kafka
    python3 consume.py localhost:9092 orders.events shipping.db
"""
import sqlite3
import sys

from confluent_kafka import Consumer, KafkaException

brokers, topic, database = sys.argv[1:]
db = sqlite3.connect(database, isolation_level=None)
db.executescript("""
    CREATE TABLE IF NOT EXISTS positions (
        topic TEXT, partition INT, position INT NOT NULL, next_offset INT NOT NULL, PRIMARY KEY (topic, partition));
    CREATE TABLE IF NOT EXISTS subjects (subject TEXT PRIMARY KEY, events INT NOT NULL, last_type TEXT NOT NULL);
""")


def assigned(consumer, partitions):
    """Each partition starts after what the table says was applied, else at its beginning."""
    for p in partitions:
        row = db.execute("SELECT next_offset FROM positions WHERE topic = ? AND partition = ?", (p.topic, p.partition)).fetchone()
        p.offset = row[0] if row else 0
    consumer.assign(partitions)


def apply(record):
    """Does the work of a record and moves its partition's position, in one transaction."""
    header = {name: value.decode() for name, value in record.headers()}
    position, prev = int(header["ce_sequence"]), int(header["ordo_prev"])
    where = (record.topic(), record.partition())
    db.execute("BEGIN IMMEDIATE")
    try:
        row = db.execute("SELECT position FROM positions WHERE topic = ? AND partition = ?", where).fetchone()
        last = row[0] if row else 0
        if position > last:  # else it was seen: the topic was made anew, or another was faster
            if prev != last:
                raise RuntimeError(f"{where}: event {position} follows {prev}, but the last one here was {last}: events are missing")
            db.execute(
                "INSERT INTO subjects VALUES (?, 1, ?)"
                " ON CONFLICT (subject) DO UPDATE SET events = events + 1, last_type = excluded.last_type",
                (header["ce_subject"], header["ce_type"]))
        db.execute("REPLACE INTO positions VALUES (?, ?, ?, ?)", (*where, max(position, last), record.offset() + 1))
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise
    if position > last:
        print(record.partition(), position, header["ce_type"], header["ce_subject"], flush=True)


consumer = Consumer({
    "bootstrap.servers": brokers,
    "group.id": "shipping",
    "isolation.level": "read_committed",  # else you see what was taken back
    "enable.auto.commit": False,
    "auto.offset.reset": "earliest",
})
consumer.subscribe([topic], on_assign=assigned)
try:
    while True:
        record = consumer.poll(1)
        if record is None:
            continue
        if record.error():
            raise KafkaException(record.error())
        apply(record)
except KeyboardInterrupt:
    pass
finally:
    consumer.close()
