-- +goose Up
ALTER TABLE orderview_orders
    ADD COLUMN detail          text NOT NULL DEFAULT '', -- the reason in words; empty while there is none
    ADD COLUMN carrier         text NOT NULL DEFAULT '', -- both empty until the order is to be shipped
    ADD COLUMN tracking_number text NOT NULL DEFAULT '';
