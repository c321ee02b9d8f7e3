// purpose: notes how far callbacks are. One of which nothing is left to tell has no engine any more
// params: engine, rows
// returns: one row {id, kept} per row that is there; rows are [id, places, engine or empty]
UNWIND $rows AS r
MATCH (c:Callback) WHERE c.id = r[1] AND c.engine = $engine
SET c.places = r[2], c.engine = r[3]
RETURN c.id AS id, true AS kept
