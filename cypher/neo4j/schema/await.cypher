// purpose: waits until the indexes are usable
// returns: nothing
CALL db.awaitIndexes(60)
