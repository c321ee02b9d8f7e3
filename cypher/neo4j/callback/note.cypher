// purpose: notes how far callbacks are. One of which nothing is left to tell has no engine any more, and leaves the index
// params: engine, epoch, rows
// returns: one row {id, kept} per row, kept is false where it is gone or another engine's; no row when the engine is fenced
MATCH (e:Engine) WHERE e.id = $engine AND e.epoch = $epoch
UNWIND $rows AS r
OPTIONAL MATCH (c:Callback {id: r.id}) WHERE c.engine = $engine
SET c.places = r.places, c.engine = CASE WHEN r.open THEN $engine ELSE NULL END
RETURN r.id AS id, c IS NOT NULL AS kept
