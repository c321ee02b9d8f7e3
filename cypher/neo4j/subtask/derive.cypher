// purpose: notes which mapped subtask a batch of items grew from
// params: rows
// returns: nothing; rows are [item id, mapped subtask id]
UNWIND $rows AS r
MATCH (s:Subtask {id: r[0]})
MATCH (p:Subtask {id: r[1]})
CREATE (s)-[:EXPANDED_FROM]->(p)
