-- +goose Up
CREATE TABLE productview_products (
    sku            text COLLATE "C" NOT NULL,
    name           text NOT NULL,
    price_amount   bigint NOT NULL,
    price_currency text NOT NULL,
    status         text NOT NULL,
    version        bigint NOT NULL,
    position       bigint NOT NULL, -- of the last event applied
    applied        bigint NOT NULL, -- how many events were
    CONSTRAINT productview_products_pkey PRIMARY KEY (sku),
    CONSTRAINT productview_products_applied_check CHECK (applied > 0 AND version = applied)
);
