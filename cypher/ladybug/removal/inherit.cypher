// purpose: what a batch of subtasks keeps is kept by their task until it goes
// params: id, ids
// returns: nothing
UNWIND $ids AS wanted
MATCH (s:Subtask)-[:KEEPS]->(x:Result) WHERE s.id = wanted
MATCH (t:Task) WHERE t.id = $id
MERGE (t)-[:KEEPS]->(x)
