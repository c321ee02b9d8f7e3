// purpose: some of the dependencies that kept a subtask from running
// params: id
// returns: one row {key} each
MATCH (s:Subtask)-[:DEPENDS_ON]->(d:Subtask)
WHERE s.id = $id AND d.status IN ['failed', 'blocked', 'cancelled', 'quarantined', 'skipped']
RETURN d.key AS key
ORDER BY key
LIMIT 5
