// purpose: a batch of dependencies
// params: rows
// returns: nothing; rows are [dependant id, dependency id]
UNWIND $rows AS r
MATCH (d:Subtask) WHERE d.id = r[1]
MATCH (s:Subtask) WHERE s.id = r[2]
CREATE (d)-[:DEPENDS_ON]->(s)
