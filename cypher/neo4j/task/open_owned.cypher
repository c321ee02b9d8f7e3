// purpose: the open tasks of an engine, oldest first, with exact counts and the number of the last event
// params: engine, ids
// returns: one row {t, counts, last_event} per task, only those among the ids unless these are null; counts is a list of [status, number]
MATCH (t:Task {open_owner: $engine}) WHERE t.stored AND ($ids IS NULL OR t.id IN $ids)
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
ORDER BY t.id
