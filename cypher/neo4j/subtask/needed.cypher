// purpose: the dependencies of subtasks that did not complete, for people: what is under way first, then what waits, then what ended without success
// params: ids, limit
// returns: one row {id, d} each, at most limit for each id
UNWIND $ids AS id
CALL (id) {
  MATCH (s:Subtask {id: id})-[:DEPENDS_ON]->(d:Subtask)
  WHERE d.status <> 'completed'
  RETURN d
  ORDER BY CASE WHEN d.status IN ['ready', 'processing', 'retrying', 'awaiting_approval'] THEN 0 WHEN d.status = 'pending' THEN 1
    WHEN d.status IN ['failed', 'quarantined'] THEN 2 ELSE 3 END, d.rank DESC, d.id
  LIMIT $limit
}
RETURN id, d
