-- What a store asks a server before it trusts it. Locks: none.
SELECT
    current_setting('server_version_num')::integer,
    current_setting('server_encoding'),
    current_setting('fsync'),
    current_setting('full_page_writes'),
    current_setting('synchronous_commit')
