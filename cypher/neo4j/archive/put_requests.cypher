// purpose: writes archived requests
// params: rows
// returns: nothing
UNWIND $rows AS r
CREATE (n:RequestKey)
SET n = r
