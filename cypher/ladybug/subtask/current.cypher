// purpose: tells whether an attempt is the current one of a running subtask
// params: id, token
// returns: one row {id}, or none
MATCH (s:Subtask) WHERE s.id = $id AND s.status = 'processing' AND s.token = $token
RETURN s.id AS id
