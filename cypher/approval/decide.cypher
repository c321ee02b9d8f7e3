// purpose: writes a verdict on open requests; those that have this very verdict already count as well
// params: engine, epoch, ids, verdict, state, by, at, comment, amended, approved_hash
// returns: one row {id} per request that has the verdict now; no row when the engine is fenced
MATCH (e:Engine) WHERE e.id = $engine AND e.epoch = $epoch
UNWIND $ids AS wanted
MATCH (a:Approval) WHERE a.id = wanted AND (a.state = 'open' OR a.verdict_id = $verdict)
SET a.state = $state, a.verdict_id = $verdict, a.decided_by = $by, a.decided_at = $at, a.comment = $comment,
    a.amended = $amended, a.approved_hash = CASE WHEN $approved_hash = '' THEN a.hash ELSE $approved_hash END,
    a.waits_in = NULL
RETURN a.id AS id
