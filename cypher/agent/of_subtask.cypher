// purpose: how far one talk of an agent is
// params: subtask, talk
// returns: one row {task, subtask, token, talk, turn, call, at, body, id} per step, in the order of the turns
MATCH (s:Subtask)-[:STEPPED]->(a:AgentStep) WHERE s.id = $subtask AND a.talk = $talk
RETURN a.task_id AS task, a.subtask_id AS subtask, a.token AS token, a.talk AS talk, a.turn AS turn, a.call AS call,
       a.at AS at, a.body AS body, a.id AS id
ORDER BY turn, id
