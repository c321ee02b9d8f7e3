// Colours of a task away again ($task)
MATCH (:Task {id: $task})-[:HAS_SUBTASK]->(s:Subtask)
REMOVE s:pending:ready:processing:retrying:awaiting_approval:completed:failed:skipped:blocked:cancelled:quarantined
RETURN count(*) AS subtasks
