// purpose: writes archived results; those that are there stay as they are
// params: rows
// returns: nothing
UNWIND $rows AS r
MERGE (x:Result {hash: r.hash})
ON CREATE SET x = r
