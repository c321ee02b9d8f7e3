// purpose: imported tasks are seen from here on; the open ones belong to their owner
// params: ids
// returns: nothing
UNWIND $ids AS wanted
MATCH (t:Task) WHERE t.id = wanted
SET t.stored = true, t.loader = '',
    t.open_owner = CASE WHEN t.status IN ['completed', 'failed', 'cancelled'] THEN '' ELSE t.owner END
