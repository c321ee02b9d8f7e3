// purpose: the subtasks of a task that wait for a person, each with what it asked; one that was interrupted asked nothing
// params: task, after, limit
// returns: one row {s, a} per subtask with an id above after, in plan order; a is null where nothing was asked
MATCH (t:Task)-[:HAS_SUBTASK]->(s:Subtask)
WHERE t.id = $task AND s.status = 'awaiting_approval' AND s.id > $after
WITH s ORDER BY s.id LIMIT $limit
OPTIONAL MATCH (s)-[:ASKED]->(a:Approval) WHERE a.token = s.token
RETURN s, a
ORDER BY s.id
