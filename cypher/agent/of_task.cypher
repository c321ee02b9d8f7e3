// purpose: what the agents of a task were answered: their answers, which say what each has cost
// params: task
// returns: one row {key, task, subtask, token, talk, turn, call, at, body, id} per answer, in the order of the subtasks
MATCH (a:AgentStep)<-[:STEPPED]-(s:Subtask) WHERE a.task_id = $task AND a.call = ''
RETURN s.key AS key, a.task_id AS task, a.subtask_id AS subtask, a.token AS token, a.talk AS talk, a.turn AS turn,
       a.call AS call, a.at AS at, a.body AS body, a.id AS id
ORDER BY subtask, talk, turn
