// purpose: large tasks that this engine began to write and never opened
// params: loader
// returns: one row {id} per task
MATCH (t:Task {loader: $loader}) WHERE NOT t.stored
RETURN t.id AS id
