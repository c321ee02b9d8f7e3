// purpose: the dependencies of a subtask that did not complete, for people: what is under way first, then what waits, then what ended without success
// params: id, limit
// returns: one row {d} each
MATCH (s:Subtask)-[:DEPENDS_ON]->(d:Subtask)
WHERE s.id = $id AND d.status <> 'completed'
RETURN d
ORDER BY CASE WHEN d.status IN ['ready', 'processing', 'retrying', 'awaiting_approval'] THEN 0 WHEN d.status = 'pending' THEN 1
  WHEN d.status IN ['failed', 'quarantined'] THEN 2 ELSE 3 END, d.rank DESC, d.id
LIMIT $limit
