// purpose: keeps what attempts have logged; a line that is there already stays as it is
// params: namespace, rows
// returns: nothing
UNWIND $rows AS r
MERGE (l:LogLine {id: r.id})
SET l.namespace = $namespace, l.at = r.at, l.level = r.level, l.task_id = r.task_id, l.key = r.key,
    l.token = r.token, l.agent_id = r.agent_id, l.engine = r.engine, l.message = r.message, l.fields = r.fields
