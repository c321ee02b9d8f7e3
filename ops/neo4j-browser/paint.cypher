// Colours of a task: each subtask gets its state as a label ($task; run it again to bring it up to date)
MATCH (:Task {id: $task})-[:HAS_SUBTASK]->(s:Subtask)
REMOVE s:pending:ready:processing:retrying:awaiting_approval:completed:failed:skipped:blocked:cancelled:quarantined
SET s:$(s.status)
RETURN s.status AS state, count(*) AS subtasks
ORDER BY subtasks DESC
