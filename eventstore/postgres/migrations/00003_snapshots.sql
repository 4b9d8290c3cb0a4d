-- +goose Up

-- States of long streams, so that they need not be folded from their first event. Nothing depends on them: any row can be
-- deleted at any time. Programs of two versions may each keep their own.
CREATE TABLE snapshots (
    event_id      uuid        NOT NULL, -- the last event in it: a snapshot that names no event of its stream is not used
    taken_at      timestamptz NOT NULL DEFAULT now(),
    version       integer     NOT NULL, -- of that event
    state_version integer     NOT NULL,
    stream        text        NOT NULL COLLATE "C",
    state         json        NOT NULL,
    CONSTRAINT snapshots_pkey PRIMARY KEY (stream, state_version),
    CONSTRAINT snapshots_version_check CHECK (version >= 1),
    CONSTRAINT snapshots_state_version_check CHECK (state_version >= 1)
);
