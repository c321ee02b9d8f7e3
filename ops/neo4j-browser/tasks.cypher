// Latest tasks
MATCH (t:Task)
WHERE t.stored
RETURN t
ORDER BY t.id DESC
LIMIT 25
