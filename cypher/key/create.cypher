// purpose: keeps a key of the API: the hash of it, and who may do what with it
// params: id, namespace, hash, subject, scopes, user_id, at, by
// returns: one row {id}
CREATE (k:ApiKey {id: $id, namespace: $namespace, hash: $hash, subject: $subject, scopes: $scopes, user_id: $user_id, created_at: $at, created_by: $by, revoked_at: 0, revoked_by: ''})
RETURN k.id AS id
