// purpose: attempt to what it produced
// returns: nothing
CREATE REL TABLE IF NOT EXISTS PRODUCED(FROM Attempt TO Result)
