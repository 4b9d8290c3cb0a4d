-- +goose Up

-- What became of every record and refilled event that was taken in hand. The sums are kept by the transactions that do the
-- work, and the database itself refuses a batch that does not add up.
ALTER TABLE checkpoints
    ADD COLUMN consumed bigint NOT NULL DEFAULT 0,
    ADD COLUMN applied  bigint NOT NULL DEFAULT 0, -- by the handler; those a redrive applies later count as parked
    ADD COLUMN skipped  bigint NOT NULL DEFAULT 0, -- applied or parked before
    ADD COLUMN parked   bigint NOT NULL DEFAULT 0,
    ADD CONSTRAINT checkpoints_consumed_check CHECK (consumed = applied + skipped + parked);

-- Keys whose events are not applied: one of them could not be, and those behind it wait in parked_events. Rows come and go
-- only in transactions that move the checkpoint of their partition; whoever wants something done fills in request_*.
CREATE TABLE parked_keys (
    position       bigint      NOT NULL, -- of the event that could not be applied
    partition      integer     NOT NULL,
    request_rate   integer,              -- events per second of a redrive
    parked_at      timestamptz NOT NULL DEFAULT now(),
    requested_at   timestamptz,
    consumer       text        NOT NULL COLLATE "C",
    topic          text        NOT NULL COLLATE "C",
    key            text        NOT NULL COLLATE "C",
    request        text        COLLATE "C",
    request_reason text,
    CONSTRAINT parked_keys_pkey PRIMARY KEY (consumer, topic, partition, key),
    CONSTRAINT parked_keys_request_check CHECK (request IN ('redrive', 'discard', 'discard_all')),
    CONSTRAINT parked_keys_reason_check CHECK ((request IS NULL) = (request_reason IS NULL))
);

-- Dead letters: events that wait for their key, and records that are no events. Rows are never deleted: what became of a
-- dead letter, when and why is part of it.
CREATE TABLE parked_events (
    id              bigint      GENERATED ALWAYS AS IDENTITY CONSTRAINT parked_events_pkey PRIMARY KEY,
    position        bigint,               -- NULL: not an event
    follows         bigint,               -- position of the event it waits behind; NULL: it failed itself
    record_offset   bigint,               -- NULL: refilled from the log of the service
    event_id        uuid,
    partition       integer     NOT NULL,
    attempts        integer     NOT NULL DEFAULT 0,
    redrives        integer     NOT NULL DEFAULT 0,
    truncated       boolean     NOT NULL DEFAULT false, -- the record was larger than what is kept of it
    record_time     timestamptz NOT NULL,
    first_failed_at timestamptz,
    last_failed_at  timestamptz,
    parked_at       timestamptz NOT NULL DEFAULT now(),
    published_at    timestamptz,          -- to the dead letter topic
    resolved_at     timestamptz,
    consumer        text        NOT NULL COLLATE "C",
    topic           text        NOT NULL COLLATE "C",
    key             text        NOT NULL COLLATE "C", -- empty: not an event
    type            text        NOT NULL COLLATE "C",
    class           text        NOT NULL COLLATE "C",
    fingerprint     text        NOT NULL COLLATE "C", -- of the failure; those that follow carry that of what they follow
    error           text        NOT NULL,
    status          text        NOT NULL DEFAULT 'parked' COLLATE "C",
    reason          text,                 -- of the redrive or the discard
    record_key      bytea       NOT NULL,
    record_value    bytea       NOT NULL,
    record_headers  json        NOT NULL, -- [{"key":"…","value":"base64"}]
    CONSTRAINT parked_events_status_check CHECK (status IN ('parked', 'applied', 'discarded')),
    CONSTRAINT parked_events_resolved_check CHECK ((status = 'parked') = (resolved_at IS NULL))
);

-- An event is parked once at a time, and in the order of the log.
CREATE UNIQUE INDEX parked_events_position_key ON parked_events (consumer, topic, partition, key, position)
    WHERE status = 'parked' AND position IS NOT NULL;
CREATE INDEX parked_events_fingerprint_idx ON parked_events (consumer, fingerprint);
CREATE INDEX parked_events_unpublished_idx ON parked_events (consumer, id) WHERE published_at IS NULL;

-- Holes in a topic that were filled from the log of the service.
CREATE TABLE gap_refilled (
    after_position bigint      NOT NULL,
    last_position  bigint      NOT NULL,
    events         bigint      NOT NULL,
    at             timestamptz NOT NULL DEFAULT now(),
    partition      integer     NOT NULL,
    consumer       text        NOT NULL COLLATE "C",
    topic          text        NOT NULL COLLATE "C"
);

-- Sign of life of each process that runs a consumer: when its loop last turned.
CREATE TABLE consumer_members (
    started_at timestamptz NOT NULL,
    beat_at    timestamptz NOT NULL,
    partitions integer     NOT NULL, -- assigned to it
    consumer   text        NOT NULL COLLATE "C",
    member     text        NOT NULL COLLATE "C",
    error      text        NOT NULL, -- empty: all is well
    CONSTRAINT consumer_members_pkey PRIMARY KEY (consumer, member)
) WITH (fillfactor = 50);
