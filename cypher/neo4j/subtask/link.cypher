// purpose: a batch of dependencies, as [dependant id, dependency id]
// params: edges
// returns: nothing
UNWIND $edges AS edge
MATCH (d:Subtask {id: edge[0]})
MATCH (s:Subtask {id: edge[1]})
CREATE (d)-[:DEPENDS_ON]->(s)
