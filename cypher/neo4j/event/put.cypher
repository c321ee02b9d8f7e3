// purpose: what storing a rerun has taken over, as events
// params: event
// returns: nothing
CREATE (v:Event)
SET v = $event
