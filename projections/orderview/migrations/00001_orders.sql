-- +goose Up
CREATE TABLE orderview_orders (
    id             text COLLATE "C" NOT NULL,
    customer_id    text COLLATE "C" NOT NULL,
    status         text COLLATE "C" NOT NULL,
    lines          json NOT NULL,
    total_amount   bigint NOT NULL,
    total_currency text NOT NULL,
    payment_method text NOT NULL,
    reason         text NOT NULL, -- empty while there is none
    shortages      json,
    placed_at      timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,
    history        json NOT NULL,
    version        bigint NOT NULL,
    position       bigint NOT NULL, -- of the last event applied
    applied        bigint NOT NULL, -- how many events were
    CONSTRAINT orderview_orders_pkey PRIMARY KEY (id),
    CONSTRAINT orderview_orders_applied_check
        CHECK (applied > 0 AND version = applied AND json_array_length(history) = applied)
);

-- One index per way of listing; each gives the order of the list, so no list is ever sorted.
CREATE INDEX orderview_orders_placed_at_idx ON orderview_orders (placed_at, id);
CREATE INDEX orderview_orders_customer_id_idx ON orderview_orders (customer_id, placed_at, id);
CREATE INDEX orderview_orders_status_idx ON orderview_orders (status, placed_at, id);
