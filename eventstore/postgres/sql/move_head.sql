-- Under the head lock.
UPDATE log_head
SET position = @position, tails = @tails
