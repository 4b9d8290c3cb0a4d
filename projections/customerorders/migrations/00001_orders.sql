-- +goose Up
CREATE TABLE customerorders_orders (
    id             text COLLATE "C" NOT NULL,
    customer_id    text COLLATE "C" NOT NULL,
    bought         boolean NOT NULL, -- confirmed, and not undone since
    total_amount   bigint NOT NULL,
    total_currency text NOT NULL,
    placed_at      timestamptz NOT NULL,
    version        bigint NOT NULL,
    position       bigint NOT NULL, -- of the last event applied
    applied        bigint NOT NULL, -- how many events were
    CONSTRAINT customerorders_orders_pkey PRIMARY KEY (id),
    CONSTRAINT customerorders_orders_applied_check CHECK (applied > 0 AND version = applied)
);

-- The last orders of a customer, without a sort.
CREATE INDEX customerorders_orders_customer_id_idx ON customerorders_orders (customer_id, placed_at, id);

CREATE TABLE customerorders_totals (
    customer_id text COLLATE "C" NOT NULL,
    currency    text COLLATE "C" NOT NULL,
    placed      bigint NOT NULL,
    bought      bigint NOT NULL,
    amount      bigint NOT NULL, -- of what was bought, in minor units
    CONSTRAINT customerorders_totals_pkey PRIMARY KEY (customer_id, currency)
) WITH (fillfactor = 70);
