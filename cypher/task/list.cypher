// purpose: a page of tasks, newest first; an empty filter lets all through, first and before bound the ids
// params: namespace, first, before, status, type, tag, user_id, search, limit
// returns: one row {t} per task
MATCH (t:Task)
WHERE t.id >= $first AND t.id < $before AND t.namespace = $namespace AND t.stored
  AND ($status = '' OR t.status = $status)
  AND ($type = '' OR t.type = $type)
  AND ($user_id = '' OR t.user_id = $user_id)
  AND ($tag = '' OR $tag IN t.tags)
  AND ($search = '' OR t.id STARTS WITH upper($search)
       OR lower(t.name) CONTAINS lower($search) OR lower(t.description) CONTAINS lower($search))
RETURN t
ORDER BY t.id DESC
LIMIT $limit
