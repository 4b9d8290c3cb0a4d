-- What a store asks a server before it trusts it. Locks: none.
SELECT
    current_setting('server_version_num')::integer,
    pg_is_in_recovery(),
    current_setting('default_transaction_read_only'),
    current_setting('fsync'),
    current_setting('full_page_writes'),
    current_setting('synchronous_commit')
