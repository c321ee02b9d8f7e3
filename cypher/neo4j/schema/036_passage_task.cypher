// purpose: the passages of a task, which go with it
// returns: nothing
CREATE INDEX passage_task IF NOT EXISTS FOR (n:Passage) ON (n.task_id)
