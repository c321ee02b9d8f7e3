// purpose: a task by its id, and tasks in the order of their ids
// returns: nothing
CREATE CONSTRAINT task_id IF NOT EXISTS FOR (n:Task) REQUIRE n.id IS UNIQUE
