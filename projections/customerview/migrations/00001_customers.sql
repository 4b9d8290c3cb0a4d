-- +goose Up
CREATE TABLE customerview_customers (
    id       text COLLATE "C" NOT NULL,
    name     text NOT NULL,
    email    text NOT NULL,
    status   text NOT NULL,
    version  bigint NOT NULL,
    position bigint NOT NULL, -- of the last event applied
    applied  bigint NOT NULL, -- how many events were
    CONSTRAINT customerview_customers_pkey PRIMARY KEY (id),
    CONSTRAINT customerview_customers_applied_check CHECK (applied > 0 AND version = applied)
);
