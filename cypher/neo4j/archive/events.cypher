// purpose: the events of tasks as they are
// params: ids
// returns: one row {v} each
UNWIND $ids AS wanted
MATCH (v:Event) USING INDEX v:Event(key)
WHERE v.key > wanted + ':' AND v.key < wanted + ';'
RETURN v
