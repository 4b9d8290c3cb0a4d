-- +goose Up

-- The hash chain: one row per commit of events. Its format is fixed, see docs/hash-chain.md.
CREATE TABLE log_commits (
    first       bigint      NOT NULL,
    last        bigint      NOT NULL CONSTRAINT log_commits_pkey PRIMARY KEY,
    recorded_at timestamptz NOT NULL, -- that of its events
    link        bytea       NOT NULL,
    CONSTRAINT log_commits_first_check CHECK (first <= last),
    CONSTRAINT log_commits_link_check CHECK (octet_length(link) = 32)
);

-- link is that of the last commit. linked = position keeps out a program that knows nothing of the chain: it would move
-- the one without the other.
ALTER TABLE log_head
    ADD COLUMN linked bigint NOT NULL DEFAULT 0,
    ADD COLUMN link   bytea  NOT NULL DEFAULT decode(repeat('00', 32), 'hex');

-- Events that are there already: those that were recorded at one moment count as one commit.
-- +goose StatementBegin
DO $$
DECLARE
    made record;
    head bytea := decode(repeat('00', 32), 'hex');
BEGIN
    FOR made IN
        SELECT
            min(position) AS first,
            max(position) AS last,
            min(recorded_at) AS recorded_at,
            string_agg(sha256(
                '\x00'
                || int8send(octet_length(stream)) || convert_to(stream, 'UTF8')
                || int8send(version)
                || uuid_send(event_id)
                || int8send(octet_length(type)) || convert_to(type, 'UTF8')
                || int8send(schema_version)
                || int8send(octet_length(data::text)) || convert_to(data::text, 'UTF8')
                || int8send(octet_length(metadata::text)) || convert_to(metadata::text, 'UTF8')
            ), '' ORDER BY position) AS leaves
        FROM (
            SELECT *, count(*) FILTER (WHERE starts) OVER (ORDER BY position) AS run
            FROM (
                SELECT *, recorded_at IS DISTINCT FROM lag(recorded_at) OVER (ORDER BY position) AS starts
                FROM events
            ) AS marked
        ) AS numbered
        GROUP BY run
        ORDER BY run
    LOOP
        head := sha256(
            '\x01'
            || head
            || int8send(made.first)
            || int8send(made.last)
            || int8send((extract(epoch FROM made.recorded_at) * 1000000)::bigint)
            || made.leaves
        );
        INSERT INTO log_commits (first, last, recorded_at, link)
        VALUES (made.first, made.last, made.recorded_at, head);
    END LOOP;
    UPDATE log_head
    SET schema_version = 2, linked = position, link = head;
END
$$;
-- +goose StatementEnd

ALTER TABLE log_head
    ADD CONSTRAINT log_head_linked_check CHECK (linked = position),
    ADD CONSTRAINT log_head_link_check CHECK (octet_length(link) = 32);

-- The same guard as that of the events.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION events_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'insufficient_privilege',
              HINT = 'A stored event never changes. Append an event that corrects it.';
END
$$;
-- +goose StatementEnd

CREATE TRIGGER log_commits_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log_commits
    FOR EACH STATEMENT EXECUTE FUNCTION events_refuse_change();

ALTER TABLE log_commits ENABLE ALWAYS TRIGGER log_commits_append_only;
