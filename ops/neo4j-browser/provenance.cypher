// Which attempts made the results of a task, and which of them used what ($task)
MATCH (:Task {id: $task})-[:HAS_SUBTASK]->(s:Subtask)-[h:HAS_ATTEMPT]->(a:Attempt)
WITH s, h, a ORDER BY s.id LIMIT 100
OPTIONAL MATCH (a)-[p:PRODUCED]->(made:Result)
OPTIONAL MATCH (a)-[c:CONSUMED]->(used:Result)
RETURN s, h, a, p, made, c, used
