-- +goose Up

-- The log. Columns of fixed width come first, so no row pays for alignment.
CREATE TABLE events (
    position       bigint      NOT NULL CONSTRAINT events_pkey PRIMARY KEY,
    prev           bigint      NOT NULL, -- position of the event before this one in the same partition, 0 for none
    recorded_at    timestamptz NOT NULL,
    event_id       uuid        NOT NULL CONSTRAINT events_event_id_key UNIQUE,
    version        integer     NOT NULL,
    schema_version integer     NOT NULL,
    partition      integer     NOT NULL,
    stream         text        NOT NULL COLLATE "C", -- compared byte by byte, whatever the locale of the machine
    type           text        NOT NULL COLLATE "C",
    data           json        NOT NULL, -- json keeps the text as it was written, jsonb does not
    metadata       json        NOT NULL,
    CONSTRAINT events_stream_version_key UNIQUE (stream, version),
    CONSTRAINT events_version_check CHECK (version >= 1),
    CONSTRAINT events_prev_check CHECK (prev >= 0 AND prev < position)
);

-- A stored event never changes: not by the runtime role (which has INSERT and SELECT only), not by the owner, not by a
-- superuser.
-- +goose StatementBegin
CREATE FUNCTION events_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'events are append-only: % is refused', TG_OP
        USING ERRCODE = 'insufficient_privilege',
              HINT = 'A stored event never changes. Append an event that corrects it.';
END
$$;
-- +goose StatementEnd

CREATE TRIGGER events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION events_refuse_change();

-- ALWAYS: session_replication_role = replica does not switch it off.
ALTER TABLE events ENABLE ALWAYS TRIGGER events_append_only;

-- One row: where the log ends. Whoever appends holds its lock until commit, which makes positions gapless and
-- commit-ordered. It is updated by every group: free space on the page keeps those updates away from the index.
CREATE TABLE log_head (
    one_row        boolean NOT NULL DEFAULT true CONSTRAINT log_head_pkey PRIMARY KEY,
    schema_version integer NOT NULL, -- of these tables; a store that does not know it refuses to open
    position       bigint  NOT NULL DEFAULT 0,
    partitions     integer NOT NULL DEFAULT 0, -- 0 until the first store opens the log
    tails          bigint[] NOT NULL DEFAULT '{}', -- position of the last event of each partition
    CONSTRAINT log_head_one_row_check CHECK (one_row),
    CONSTRAINT log_head_tails_check CHECK (cardinality(tails) = partitions)
) WITH (fillfactor = 10);

INSERT INTO log_head (schema_version) VALUES (1);

-- Answers to requests that carried an idempotency key.
CREATE TABLE receipts (
    position    bigint      NOT NULL,
    at          timestamptz NOT NULL,
    scope       text        NOT NULL COLLATE "C",
    key         text        NOT NULL COLLATE "C",
    fingerprint bytea       NOT NULL,
    response    bytea       NOT NULL,
    CONSTRAINT receipts_pkey PRIMARY KEY (scope, key)
);

-- Work that must follow an append. A row goes when the work is done.
CREATE TABLE tasks (
    position      bigint      NOT NULL, -- of the append that asked for it
    due_at        timestamptz NOT NULL,
    claimed_until timestamptz,          -- NULL: nobody has claimed it
    attempt       integer     NOT NULL DEFAULT 0, -- claims so far; the newest is the only valid one
    kind          text        NOT NULL COLLATE "C",
    key           text        NOT NULL COLLATE "C",
    CONSTRAINT tasks_pkey PRIMARY KEY (kind, key)
);

-- GREATEST ignores NULL: the moment from which a worker may claim the task.
CREATE INDEX tasks_free_at_idx ON tasks (kind, GREATEST(due_at, claimed_until));

-- Who may act alone. The epoch rises with every change of hands and never falls: rows are not deleted.
CREATE TABLE leases (
    epoch      bigint      NOT NULL,
    expires_at timestamptz NOT NULL,
    name       text        NOT NULL COLLATE "C" CONSTRAINT leases_pkey PRIMARY KEY,
    holder     text        NOT NULL COLLATE "C"
);
