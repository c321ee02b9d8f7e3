// purpose: cancels a batch of waiting subtasks; running ones are settled by their turn
// params: ids, at
// from -> to: pending | ready | retrying | awaiting_approval -> cancelled
// returns: one row {id, key} per subtask that was cancelled here
UNWIND $ids AS wanted
MATCH (s:Subtask)
WHERE s.id = wanted AND s.status IN ['pending', 'ready', 'retrying', 'awaiting_approval']
SET s.status = 'cancelled', s.completed_at = $at
RETURN s.id AS id, s.key AS key
