// purpose: the dependencies of a subtask that did not complete, for people: what is under way first, then what waits, then what ended without success; their ids alone, for a whole node of each is dear where there are many
// params: id, limit
// returns: one row {id} each
MATCH (s:Subtask)-[:DEPENDS_ON]->(d:Subtask)
WHERE s.id = $id AND d.status <> 'completed'
RETURN d.id AS id, CASE WHEN d.status IN ['ready', 'processing', 'retrying', 'awaiting_approval'] THEN 0
  WHEN d.status = 'pending' THEN 1 WHEN d.status IN ['failed', 'quarantined'] THEN 2 ELSE 3 END AS place, d.rank AS urgency
ORDER BY place, urgency DESC, id
LIMIT $limit
