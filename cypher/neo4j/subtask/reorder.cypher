// purpose: gives waiting subtasks another place in the order of their task; one that runs or has ended meanwhile is left alone
// params: engine, epoch, rows
// returns: one row {moved}; no row when the engine is fenced; rows are [id, expected seconds or null, rank, order key]
MATCH (e:Engine {id: $engine})
SET e.lock = true REMOVE e.lock
WITH e WHERE e.epoch = $epoch
CALL () {
  UNWIND $rows AS r
  MATCH (s:Subtask {id: r[0]})
  WHERE s.status IN ['pending', 'ready', 'retrying', 'awaiting_approval']
  SET s.expected = r[1], s.rank = r[2], s.order_key = r[3],
      s.ready_key = CASE WHEN s.ready_key IS NOT NULL THEN r[3] END,
      s.hold_key = CASE WHEN s.hold_key IS NOT NULL THEN $engine + '|' + s.type + '|' + r[3] END
  RETURN count(s) AS moved
}
RETURN moved
