// purpose: exact counts of one task and the number of its last event
// params: id
// returns: one row {t, counts, last_event}; counts is a list of [status, number]
MATCH (t:Task {id: $id})
CALL (t) {
  MATCH (t)-[:HAS_SUBTASK]->(s:Subtask)
  WITH s.status AS status, count(*) AS number
  RETURN collect([status, number]) AS counts
}
CALL (t) {
  MATCH (v:Event) USING INDEX v:Event(key)
  WHERE v.key > t.id + ':' AND v.key < t.id + ';'
  WITH v ORDER BY v.key DESC LIMIT 1
  RETURN max(v.last) AS last_event
}
RETURN t, counts, coalesce(last_event, 0) AS last_event
