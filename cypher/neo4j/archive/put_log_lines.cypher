// purpose: writes archived log lines
// params: rows
// returns: nothing
UNWIND $rows AS r
CREATE (n:LogLine)
SET n = r
