// purpose: makes a key of the API of no use; it stays, and says who revoked it and when
// params: id, namespace, at, by
// returns: one row {id}; none when there is no such key, or it is revoked already
MATCH (k:ApiKey) WHERE k.id = $id AND k.namespace = $namespace AND k.revoked_at = 0
SET k.revoked_at = $at, k.revoked_by = $by
RETURN k.id AS id
