// purpose: some of the dependencies that kept subtasks from running
// params: ids
// returns: one row {id, keys} per subtask
UNWIND $ids AS id
MATCH (s:Subtask {id: id})-[:DEPENDS_ON]->(d:Subtask)
WHERE d.status IN ['failed', 'blocked', 'cancelled', 'quarantined', 'skipped']
WITH id, d ORDER BY d.id
RETURN id, collect(d.key)[..5] AS keys
