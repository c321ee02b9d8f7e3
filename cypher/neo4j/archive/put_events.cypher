// purpose: writes archived events
// params: rows
// returns: nothing
UNWIND $rows AS r
CREATE (n:Event)
SET n = r
