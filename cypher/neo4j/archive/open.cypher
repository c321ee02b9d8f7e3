// purpose: imported tasks are seen from here on; the open ones belong to their owner
// params: ids
// returns: nothing
UNWIND $ids AS wanted
MATCH (t:Task {id: wanted})
SET t.stored = true, t.open_owner = CASE WHEN t.status IN ['completed', 'failed', 'cancelled'] THEN null ELSE t.owner END
REMOVE t.loader
