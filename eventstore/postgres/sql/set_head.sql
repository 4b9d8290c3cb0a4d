-- Under the head lock, after the events and links that it speaks of.
UPDATE log_head
SET position = @position, linked = @position, link = @link, tails = @tails
