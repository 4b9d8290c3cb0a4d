-- +goose Up

-- No column that changes is indexed, so with room on its page an update of a row, and popular SKUs get many, touches
-- no index and leaves nothing behind for vacuum to collect from one.
CREATE TABLE stocklevels_levels (
    sku      text COLLATE "C" NOT NULL,
    on_hand  bigint NOT NULL,
    reserved bigint NOT NULL, -- part of on_hand
    version  bigint NOT NULL,
    position bigint NOT NULL, -- of the last event applied
    applied  bigint NOT NULL, -- how many events were
    CONSTRAINT stocklevels_levels_pkey PRIMARY KEY (sku),
    CONSTRAINT stocklevels_levels_reserved_check CHECK (0 <= reserved AND reserved <= on_hand),
    CONSTRAINT stocklevels_levels_applied_check CHECK (applied > 0 AND version = applied)
) WITH (fillfactor = 70);
