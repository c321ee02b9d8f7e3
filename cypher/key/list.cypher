// purpose: the keys of the API in a namespace, revoked ones too
// params: namespace
// returns: one row for each with its properties, oldest first
MATCH (k:ApiKey) WHERE k.namespace = $namespace
RETURN k.id AS id, k.hash AS hash, k.subject AS subject, k.scopes AS scopes, k.user_id AS user_id,
  k.created_at AS created_at, k.created_by AS created_by, k.revoked_at AS revoked_at, k.revoked_by AS revoked_by
ORDER BY id
