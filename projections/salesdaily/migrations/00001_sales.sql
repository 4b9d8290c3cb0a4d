-- +goose Up

-- What each order adds, and whether it does.
CREATE TABLE salesdaily_orders (
    id       text COLLATE "C" NOT NULL,
    day      text COLLATE "C" NOT NULL, -- 2006-01-02
    counted  boolean NOT NULL,
    lines    json NOT NULL,
    version  bigint NOT NULL,
    position bigint NOT NULL, -- of the last event applied
    applied  bigint NOT NULL, -- how many events were
    CONSTRAINT salesdaily_orders_pkey PRIMARY KEY (id),
    CONSTRAINT salesdaily_orders_applied_check CHECK (applied > 0 AND version = applied)
);

-- The sums over the orders that count. No column that changes is indexed: a popular SKU's row of today is updated all day.
CREATE TABLE salesdaily_days (
    day      date NOT NULL,
    sku      text COLLATE "C" NOT NULL,
    currency text COLLATE "C" NOT NULL,
    orders   bigint NOT NULL,
    pieces   bigint NOT NULL,
    revenue  bigint NOT NULL, -- in minor units
    CONSTRAINT salesdaily_days_pkey PRIMARY KEY (day, sku, currency)
) WITH (fillfactor = 70);
