// Subtasks with more than one attempt, most attempts first ($task)
MATCH (:Task {id: $task})-[:HAS_SUBTASK]->(s:Subtask)-[:HAS_ATTEMPT]->(a:Attempt)
WITH s, a ORDER BY a.token
WITH s, collect(a) AS attempts
WHERE size(attempts) > 1
RETURN s.key AS subtask, size(attempts) AS attempts, [a IN attempts | a.outcome] AS outcomes,
  [a IN attempts | a.finished_at - a.started_at] AS milliseconds, attempts[0].error AS first_error
ORDER BY size(attempts) DESC
LIMIT 50
