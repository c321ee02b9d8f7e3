// purpose: how far the callbacks of a task are
// params: id
// returns: one row {places}; none when it has no callbacks
MATCH (c:Callback) WHERE c.id = $id
RETURN c.places AS places
