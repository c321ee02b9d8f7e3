// purpose: keeps passages with their vectors
// params: namespace, rows
// returns: nothing
UNWIND $rows AS r
MERGE (p:Passage {id: r.id})
SET p.namespace = $namespace, p.source = r.source, p.task_id = r.task_id, p.kind = r.kind, p.name = r.name,
    p.number = r.number, p.text = r.text, p.at = r.at, p.model = r.model, p.vector = CAST(r.vector, 'FLOAT[512]')
