// purpose: the events of tasks as they are; one look at all events, because they have no index but their key
// params: ids
// returns: one row {v} each
MATCH (v:Event) WHERE v.task_id IN $ids
RETURN v
