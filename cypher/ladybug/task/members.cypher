// purpose: the ids of a task's subtasks, also of one that was never opened
// params: id
// returns: one row {id} each
MATCH (s:Subtask) WHERE s.task_id = $id
RETURN s.id AS id
