// purpose: the subtasks that depend on a mapped subtask and are not its items: they wait for every item
// params: parent
// returns: one row {id} each
MATCH (j:Subtask)-[:DEPENDS_ON]->(p:Subtask {id: $parent})
WHERE NOT (j)-[:EXPANDED_FROM]->(p)
RETURN j.id AS id
