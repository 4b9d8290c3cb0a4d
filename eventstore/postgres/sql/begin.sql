-- READ COMMITTED whatever the default of the server is: statements after the head lock must see what was committed
-- before it. Locks: none.
BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE
