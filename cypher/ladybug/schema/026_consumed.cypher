// purpose: attempt to what it was made from
// returns: nothing
CREATE REL TABLE IF NOT EXISTS CONSUMED(FROM Attempt TO Result)
