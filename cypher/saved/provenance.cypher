// purpose: who has made a result, and from which results; asked again with one of these it goes a step further back
// params: namespace, result
// returns: one row {task, key, type, version, outcome, finished_at, sources} for each attempt, the first one first
MATCH (x:Result)<-[:PRODUCED]-(a:Attempt)<-[:HAS_ATTEMPT]-(s:Subtask)<-[:HAS_SUBTASK]-(t:Task)
WHERE x.hash = $result AND t.namespace = $namespace
OPTIONAL MATCH (a)-[:CONSUMED]->(source:Result)
RETURN t.id AS task, s.key AS key, s.type AS type, a.version AS version, a.outcome AS outcome,
  a.finished_at AS finished_at, collect(source.hash) AS sources
ORDER BY finished_at, task, key
