// purpose: a page of tasks, newest first; an empty filter lets all through
// params: namespace, before, status, type, tag, user_id, limit
// returns: one row {t} per task
MATCH (t:Task)
WHERE t.id < $before AND t.namespace = $namespace AND t.stored
  AND ($status = '' OR t.status = $status)
  AND ($type = '' OR t.type = $type)
  AND ($user_id = '' OR t.user_id = $user_id)
  AND ($tag = '' OR $tag IN t.tags)
RETURN t
ORDER BY t.id DESC
LIMIT $limit
