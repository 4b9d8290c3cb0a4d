-- +goose Up

-- Which sets of tables a read model has. Numbers are never used again, so rows stay when the tables are dropped.
CREATE TABLE generations (
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    caught_up_at timestamptz,
    verified_at  timestamptz,
    live_at      timestamptz, -- the last time it became live
    retired_at   timestamptz,
    fed_at       timestamptz, -- when a program last said that it feeds the generation
    until        bigint,      -- folds the log no further than this; NULL: all of it
    built_to     bigint      NOT NULL DEFAULT 0, -- position the build has come to
    events       bigint      NOT NULL DEFAULT 0, -- folded by the build
    rows         bigint      NOT NULL DEFAULT 0, -- compared when it was verified
    number       integer     NOT NULL,
    fold_version integer     NOT NULL, -- only programs with this version of the fold write its rows
    shape        integer     NOT NULL DEFAULT 0, -- the model's newest migration that its tables have had
    fed          boolean     NOT NULL DEFAULT false, -- programs follow the topic with it
    dropped      boolean     NOT NULL DEFAULT false, -- the tables are gone
    model        text        NOT NULL COLLATE "C",
    state        text        NOT NULL COLLATE "C",
    checksum     text        NOT NULL DEFAULT '', -- of its rows when it was verified
    reason       text        NOT NULL DEFAULT '', -- why it failed, or what differed and was expected
    CONSTRAINT generations_pkey PRIMARY KEY (model, number),
    CONSTRAINT generations_state_check CHECK (state IN ('building', 'caught_up', 'verified', 'live', 'retired', 'failed'))
);

-- Queries go to one generation.
CREATE UNIQUE INDEX generations_live_key ON generations (model) WHERE state = 'live';

-- Who may replay a read model: one at a time. The epoch is checked by every write of a replay.
CREATE TABLE replay_leases (
    epoch      bigint      NOT NULL,
    expires_at timestamptz NOT NULL,
    model      text        NOT NULL COLLATE "C" CONSTRAINT replay_leases_pkey PRIMARY KEY,
    holder     text        NOT NULL COLLATE "C"
);
