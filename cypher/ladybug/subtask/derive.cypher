// purpose: notes which mapped subtask a batch of items grew from
// params: rows
// returns: nothing; rows are [item id, mapped subtask id]
UNWIND $rows AS r
MATCH (s:Subtask) WHERE s.id = r[1]
MATCH (p:Subtask) WHERE p.id = r[2]
CREATE (s)-[:EXPANDED_FROM]->(p)
