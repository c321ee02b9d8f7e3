// purpose: tells whether an attempt is the current one of a running subtask
// params: id, token
// returns: one row {generation}, or none
MATCH (s:Subtask) WHERE s.id = $id AND s.status = 'processing' AND s.token = $token
RETURN s.generation AS generation
