// purpose: ties a rerun to the task that it repeats
// params: id, rerun_of
// returns: nothing
MATCH (t:Task) WHERE t.id = $id
MATCH (earlier:Task) WHERE earlier.id = $rerun_of
CREATE (t)-[:RERUN_OF]->(earlier)
