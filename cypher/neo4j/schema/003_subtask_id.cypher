// purpose: a subtask by its id, and a task's subtasks in plan order
// returns: nothing
CREATE CONSTRAINT subtask_id IF NOT EXISTS FOR (n:Subtask) REQUIRE n.id IS UNIQUE
