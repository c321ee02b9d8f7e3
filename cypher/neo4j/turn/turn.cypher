// purpose: one scheduler turn in one commit: fence, settle, decide, unlock, reopen, claim, record
// params: engine, epoch, turn, namespace, now, settle, decide, reopen, reopen_most, claims, claim_most, type_free, events
// from -> to: processing -> completed | failed | cancelled | ready; pending -> ready | blocked | skipped; ready -> processing
// returns: one row {tasks, claims, undecided, held}; no row when the engine is fenced
MATCH (e:Engine {id: $engine})
SET e.lock = true REMOVE e.lock
WITH e WHERE e.epoch = $epoch
SET e.turn = $turn
WITH e
CALL () {
  UNWIND $settle AS r
  MATCH (s:Subtask {id: r.id})
  WHERE s.status = 'processing' AND s.token = r.token
  CREATE (s)-[:HAS_ATTEMPT]->(a:Attempt)
  SET a = r.attempt
  SET s.status = r.to,
      s.completed_at = CASE r.to WHEN 'ready' THEN null ELSE $now END,
      s.ready_key = CASE r.to WHEN 'ready' THEN s.order_key END
  RETURN collect(s) AS settled, collect([s.task_id, r.to + ' ' + r.token + ' ' + s.id + ' ' + s.key]) AS settlements
}
CALL () {
  UNWIND $decide AS r
  MATCH (s:Subtask {id: r.id})
  WHERE s.status = 'pending' AND s.unmet = 0
  SET s.status = r.to, s.error = r.error,
      s.completed_at = CASE r.to WHEN 'ready' THEN null ELSE $now END,
      s.ready_key = CASE r.to WHEN 'ready' THEN s.order_key END
  RETURN collect(s) AS decided, collect([s.task_id, r.to + ' 0 ' + s.id + ' ' + s.key]) AS verdicts
}
CALL (settled, decided) {
  UNWIND settled + decided AS s
  WITH s WHERE s.status <> 'ready'
  MATCH (d:Subtask)-[:DEPENDS_ON]->(s)
  WITH d, count(*) AS met, sum(CASE s.status WHEN 'completed' THEN 0 ELSE 1 END) AS bad
  SET d.unmet = d.unmet - met, d.bad = d.bad + bad
  WITH d WHERE d.unmet = 0 AND d.status = 'pending'
  SET d.status = CASE d.bad WHEN 0 THEN 'ready' ELSE 'pending' END,
      d.ready_key = CASE d.bad WHEN 0 THEN d.order_key END,
      d.queued_at = $now
  RETURN collect(d) AS unlocked
}
CALL (unlocked) {
  UNWIND $reopen AS r
  CALL (r, unlocked) {
    MATCH (s:Subtask) USING INDEX s:Subtask(hold_key)
    WHERE s.hold_key STARTS WITH r.prefix
    WITH s ORDER BY s.hold_key LIMIT $reopen_most
    RETURN collect(s) AS held
  }
  FOREACH (s IN held[..r.n] | SET s.ready_key = s.order_key REMOVE s.hold_key)
  RETURN count(*) AS reopened
}
CALL (reopened) {
  UNWIND $claims AS c
  CALL (c, reopened) {
    MATCH (s:Subtask) USING INDEX s:Subtask(ready_key)
    WHERE s.ready_key STARTS WITH c.task
    WITH s ORDER BY s.ready_key LIMIT $claim_most
    RETURN collect(s) AS found
  }
  UNWIND found[..c.n] AS s
  WITH s.type AS type, collect(s) AS wanted
  WITH wanted, coalesce($type_free[type], size(wanted)) AS free
  FOREACH (s IN wanted[..free] |
    SET s.status = 'processing', s.token = s.token + 1, s.started_at = $now REMOVE s.ready_key)
  FOREACH (s IN wanted[free..] |
    SET s.hold_key = $engine + '|' + s.type + '|' + s.order_key REMOVE s.ready_key)
  WITH collect(wanted[..free]) AS taken, collect(wanted[free..]) AS refused
  RETURN reduce(all = [], some IN taken | all + some) AS claimed, reduce(all = [], some IN refused | all + some) AS held
}
CALL (settlements, verdicts, unlocked, claimed) {
  UNWIND settlements + verdicts
    + [s IN unlocked WHERE s.bad = 0 | [s.task_id, 'ready 0 ' + s.id + ' ' + s.key]]
    + [s IN claimed | [s.task_id, 'processing ' + s.token + ' ' + s.id + ' ' + s.key]] AS change
  WITH change[0] AS task, collect(change[1]) AS changes
  CREATE (:Event {
    key: $events[task].key, namespace: $namespace, task_id: task, turn: $turn, at: $now, changes: changes,
    first: $events[task].first, last: $events[task].first + size(changes) - 1})
  RETURN collect([task, changes]) AS tasks
}
RETURN tasks,
  [s IN claimed | [s.id, s.task_id, s.key, s.type, s.spec, s.token, s.queued_at]] AS claims,
  [s IN unlocked WHERE s.bad > 0 | [s.task_id, s.id]] AS undecided,
  [s IN held | [s.task_id, s.type]] AS held
