// purpose: writes one row of the keys of the API, by hash of a backup; what is there gives way
// params: namespace, id, hash, subject, scopes, user_id, created_at, created_by, revoked_at, revoked_by
// returns: nothing
MERGE (n:ApiKey {id: $id})
SET n.namespace = $namespace, n.hash = $hash, n.subject = $subject, n.scopes = $scopes, n.user_id = $user_id,
    n.created_at = $created_at, n.created_by = $created_by, n.revoked_at = $revoked_at, n.revoked_by = $revoked_by
