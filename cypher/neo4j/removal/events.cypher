// purpose: removes a batch of a task's events, the last ones first, so that what is left has no gap
// params: id, limit
// returns: one row {removed}, 0 when none is left
CALL () {
  MATCH (v:Event) USING INDEX v:Event(key)
  WHERE v.key > $id + ':' AND v.key < $id + ';'
  WITH v ORDER BY v.key DESC LIMIT $limit
  DELETE v
  RETURN count(*) AS removed
}
RETURN removed
