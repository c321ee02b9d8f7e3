// purpose: the first step of closing a task: from here on nothing of it is claimed, also after a restart
// params: id, engine, gate, detail, at
// returns: one row {id}; no row when the task is not open or its gate is closed
MATCH (t:Task) WHERE t.id = $id AND t.open_owner = $engine AND t.gate = ''
SET t.gate = $gate, t.gate_detail = $detail, t.updated_at = $at
RETURN t.id AS id
