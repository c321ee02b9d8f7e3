// Everything that depends on a subtask, at any distance ($task, $key)
MATCH (:Task {id: $task})-[:HAS_SUBTASK]->(s:Subtask {key: $key})
CALL (s) {
  MATCH way = (s)<-[:DEPENDS_ON]-{1,20}(:Subtask)
  RETURN way
  LIMIT 300
}
RETURN way
