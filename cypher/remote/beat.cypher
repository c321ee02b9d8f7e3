// purpose: writes the last heartbeats of many agents at once; one that has gone to another engine is that one's to write
// params: engine, rows
// returns: nothing; rows are {id, seen_at, tasks_completed, state}
UNWIND $rows AS r
MATCH (a:Agent) WHERE a.id = r.id AND a.engine = $engine
SET a.seen_at = r.seen_at, a.tasks_completed = r.tasks_completed, a.state = r.state
