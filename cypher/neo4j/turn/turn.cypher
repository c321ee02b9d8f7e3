// purpose: one scheduler turn in one commit: fence, settle, move, unlock, reopen, claim, record
// params: engine, epoch, turn, namespace, now, reopen_most, claim_most, rows
// from -> to: processing -> completed | failed | cancelled | ready | retrying | awaiting_approval | quarantined; pending -> ready | blocked | skipped | failed; retrying | awaiting_approval -> ready | failed | skipped; ready -> processing | failed | skipped; failed | quarantined -> ready | skipped; blocked -> pending | skipped; skipped -> pending
// returns: one row {tasks, claims, undecided, held}; no row when the engine is fenced
// rows is {settle, moves, reopen, claims, type_free, events}: the server plans a statement anew for each magnitude of
// each list among its parameters, a second of work for this one; it does not look into a map
// settle rows are [id, token, to, completed at, ready, met, bad, change, more properties (a list of at most one map),
// outcome, started, finished, output, hash, bytes, error, version, more properties of the attempt (as before)]: lists,
// and properties spelled out, cost a tenth less than maps
MATCH (e:Engine {id: $engine})
SET e.lock = true REMOVE e.lock
WITH e WHERE e.epoch = $epoch
SET e.turn = $turn
WITH e
CALL () {
  UNWIND $rows.settle AS r
  MATCH (s:Subtask {id: r[0]})
  WHERE s.status = 'processing' AND s.token = r[1]
  CREATE (s)-[:HAS_ATTEMPT]->(a:Attempt {
    namespace: $namespace, token: r[1], outcome: r[9], ran_on: $engine, started_at: r[10], finished_at: r[11],
    output: r[12], output_hash: r[13], output_bytes: r[14], error: r[15], version: r[16]})
  FOREACH (more IN r[17] | SET a += more)
  SET s.status = r[2], s.completed_at = r[3], s.ready_key = CASE WHEN r[4] THEN s.order_key END
  FOREACH (more IN r[8] | SET s += more)
  RETURN collect([s, r[5], r[6], 0]) AS settled, collect([s.task_id, r[7]]) AS settlements
}
CALL () {
  UNWIND $rows.moves AS r
  MATCH (s:Subtask {id: r.id})
  WHERE s.status IN ['pending', 'ready', 'retrying', 'awaiting_approval', 'failed', 'blocked', 'skipped', 'quarantined']
    AND s.status = r.source AND (s.unmet = 0 OR NOT r.settled)
  SET s += r.set, s.ready_key = CASE WHEN r.ready THEN s.order_key END, s.hold_key = null
  RETURN collect([s, r.met, r.bad, r.skips]) AS moved, collect([s.task_id, r.change]) AS movements
}
CALL (settled, moved) {
  UNWIND settled + moved AS crossing
  WITH crossing[0] AS s, crossing[1] AS met, crossing[2] AS bad, crossing[3] AS skips
  WHERE met <> 0 OR bad <> 0 OR skips <> 0
  MATCH (d:Subtask)-[:DEPENDS_ON]->(s)
  WITH d, sum(met) AS met, sum(bad) AS bad, sum(skips) AS skips
  SET d.unmet = d.unmet - met, d.bad = d.bad + bad
  FOREACH (_ IN CASE skips WHEN 0 THEN [] ELSE [1] END | SET d.skips = coalesce(d.skips, 0) + skips)
  WITH d WHERE d.unmet = 0 AND d.status = 'pending'
  SET d.status = CASE WHEN d.bad = 0 AND d.judged IS NULL THEN 'ready' ELSE 'pending' END,
      d.ready_key = CASE WHEN d.bad = 0 AND d.judged IS NULL THEN d.order_key END,
      d.queued_at = $now
  RETURN collect(d) AS unlocked
}
CALL (unlocked) {
  UNWIND $rows.reopen AS r
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
  UNWIND $rows.claims AS c
  CALL (c, reopened) {
    MATCH (s:Subtask) USING INDEX s:Subtask(ready_key)
    WHERE s.ready_key STARTS WITH c.task
    WITH s ORDER BY s.ready_key LIMIT $claim_most
    RETURN collect(s) AS found
  }
  UNWIND found[..c.n] AS s
  WITH s.type AS type, collect(s) AS wanted
  WITH wanted, coalesce($rows.type_free[type], size(wanted)) AS free
  FOREACH (s IN wanted[..free] |
    SET s.status = 'processing', s.token = s.token + 1, s.started_at = $now REMOVE s.ready_key)
  FOREACH (s IN wanted[free..] |
    SET s.hold_key = $engine + '|' + s.type + '|' + s.order_key REMOVE s.ready_key)
  WITH collect(wanted[..free]) AS taken, collect(wanted[free..]) AS refused
  RETURN reduce(all = [], some IN taken | all + some) AS claimed, reduce(all = [], some IN refused | all + some) AS held
}
CALL (settlements, movements, unlocked, claimed) {
  UNWIND settlements + movements
    + [s IN unlocked WHERE s.bad = 0 AND s.judged IS NULL |
        [s.task_id, 'dependencies_settled pending ready 0 ' + s.id + ' ' + s.key]]
    + [s IN claimed | [s.task_id, 'claim ready processing ' + s.token + ' ' + s.id + ' ' + s.key]] AS change
  WITH change[0] AS task, collect(change[1]) AS changes
  CREATE (:Event {
    key: $rows.events[task].key, namespace: $namespace, task_id: task, turn: $turn, at: $now, changes: changes,
    first: $rows.events[task].first, last: $rows.events[task].first + size(changes) - 1})
  RETURN collect([task, changes]) AS tasks
}
RETURN tasks,
  [s IN claimed | [s.id, s.task_id, s.key, s.type, s.spec, s.token, s.queued_at,
    coalesce(s.spent, 0), coalesce(s.interrupted, 0), coalesce(s.fell_back, false), coalesce(s.reason, ''),
    s.expected]] AS claims,
  [s IN unlocked + [c IN moved WHERE c[0].status = 'pending' | c[0]]
    WHERE s.unmet = 0 AND (s.bad > 0 OR s.judged IS NOT NULL OR s.status = 'pending') |
    [s.task_id, s.id, s.key, s.bad, coalesce(s.skips, 0), s.judged IS NOT NULL, coalesce(s.is_optional, false),
      s.critical]] AS undecided,
  [s IN held | [s.task_id, s.type]] AS held
