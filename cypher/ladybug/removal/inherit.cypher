// purpose: what a batch of subtasks keeps is kept by their task until it goes (the task comes first: MERGE takes only the first of several Results of one subtask where it comes last)
// params: id, ids
// returns: nothing
MATCH (t:Task) WHERE t.id = $id
UNWIND $ids AS wanted
MATCH (s:Subtask)-[:KEEPS]->(x:Result) WHERE s.id = wanted
WITH DISTINCT t, x
MERGE (t)-[:KEEPS]->(x)
