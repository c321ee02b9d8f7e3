// purpose: keeps passages with their vectors; of a task that is being removed, or is gone, none
// params: namespace, rows
// returns: nothing
UNWIND $rows AS r
MATCH (t:Task) WHERE t.id = r.task_id AND t.stored
MERGE (p:Passage {id: r.id})
SET p.namespace = $namespace, p.source = r.source, p.task_id = r.task_id, p.kind = r.kind, p.name = r.name,
    p.number = r.number, p.text = r.text, p.at = r.at, p.model = r.model, p.vector = CAST(r.vector, 'FLOAT[512]')
