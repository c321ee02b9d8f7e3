// purpose: the requests of a namespace without a verdict; standing says where the subtask of each is
// params: namespace, after, limit
// returns: one row {a, standing, token} per request with an id above after, by id
MATCH (a:Approval) WHERE a.waits_in = $namespace AND a.id > $after
WITH a ORDER BY a.id LIMIT $limit
OPTIONAL MATCH (s:Subtask)-[:ASKED]->(a)
RETURN a, s.status AS standing, s.token AS token
ORDER BY a.id
