// purpose: what a turn of unclear outcome did: its events, and what it claimed
// params: turn, keys
// returns: one row per event {task, changes, claims}; no row when the turn was not committed
UNWIND $keys AS key
MATCH (v:Event {key: key}) WHERE v.turn = $turn
CALL (v) {
  UNWIND v.changes AS change
  WITH split(change, ' ') AS parts WHERE parts[0] = 'claim'
  MATCH (s:Subtask {id: parts[4]}) WHERE s.status = 'processing'
  RETURN collect([s.id, s.task_id, s.key, s.type, s.spec, s.token, s.queued_at,
    coalesce(s.spent, 0), coalesce(s.interrupted, 0), coalesce(s.fell_back, false), coalesce(s.reason, ''),
    s.expected]) AS claims
}
RETURN v.task_id AS task, v.changes AS changes, claims
