// What failed in a task, its attempts, and what stands behind it ($task)
MATCH (:Task {id: $task})-[:HAS_SUBTASK]->(s:Subtask)
WHERE s.status IN ['failed', 'quarantined']
WITH s ORDER BY s.id LIMIT 25
OPTIONAL MATCH (s)-[:HAS_ATTEMPT]->(a:Attempt)
OPTIONAL MATCH (behind:Subtask)-[:DEPENDS_ON]->(s)
RETURN s, a, behind
