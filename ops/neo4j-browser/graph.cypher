// A task as a graph ($task is its id)
MATCH (:Task {id: $task})-[:HAS_SUBTASK]->(s:Subtask)
WITH s ORDER BY s.id LIMIT 300
OPTIONAL MATCH (s)-[d:DEPENDS_ON]->(needed:Subtask)
RETURN s, d, needed
