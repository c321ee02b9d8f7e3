// purpose: answers that nobody has taken away
// returns: nothing
CREATE INDEX command_answered IF NOT EXISTS FOR (n:Command) ON (n.answered_at)
