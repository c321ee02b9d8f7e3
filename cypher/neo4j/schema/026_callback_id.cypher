// purpose: the callbacks of a task
// returns: nothing
CREATE CONSTRAINT callback_id IF NOT EXISTS FOR (n:Callback) REQUIRE n.id IS UNIQUE
