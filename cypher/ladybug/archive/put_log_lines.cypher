// purpose: writes one row of archived log lines
// params: namespace, id, at, level, task_id, key, token, agent_id, engine, message, fields
// returns: nothing
CREATE (:LogLine {
  namespace: $namespace, id: $id, at: $at, level: $level, task_id: $task_id, key: $key, token: $token,
  agent_id: $agent_id, engine: $engine, message: $message, fields: $fields})
