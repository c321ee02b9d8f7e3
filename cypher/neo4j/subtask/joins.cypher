// purpose: the subtasks that depend on one that grows others and did not grow from it: they wait for these too, unless they follow its items
// params: parent
// returns: one row {id} each
MATCH (j:Subtask)-[:DEPENDS_ON]->(p:Subtask {id: $parent})
WHERE NOT (j)-[:EXPANDED_FROM]->(p) AND coalesce(j.follows, '') <> p.id
RETURN j.id AS id
