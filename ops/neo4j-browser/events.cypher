// What happened in a task, in order: one row per turn ($task)
MATCH (e:Event)
WHERE e.key > $task + ':' AND e.key < $task + ';'
RETURN e.first AS first, e.last AS last, datetime({epochMillis: e.at}) AS at, e.changes AS changes
ORDER BY first
LIMIT 200
