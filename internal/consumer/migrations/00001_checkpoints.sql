-- +goose Up

-- How far each consumer has come in each partition. A row is written in the transaction that applies the events it speaks of.
CREATE TABLE checkpoints (
    version      bigint      NOT NULL, -- counts the moves: who knows it knows that nobody else has moved it
    position     bigint      NOT NULL, -- of the last event applied, 0 for none
    next_offset  bigint      NOT NULL, -- where to read on; only means something in the topic and cluster named here
    topic_id     uuid        NOT NULL,
    updated_at   timestamptz NOT NULL DEFAULT now(),
    leader_epoch integer     NOT NULL,
    partition    integer     NOT NULL,
    consumer     text        NOT NULL COLLATE "C",
    topic        text        NOT NULL COLLATE "C",
    cluster_id   text        NOT NULL COLLATE "C",
    CONSTRAINT checkpoints_pkey PRIMARY KEY (consumer, topic, partition)
)
-- Every batch updates a row: leave room for the new version beside the old.
WITH (fillfactor = 50);
