// purpose: an engine by its id: the fence
// returns: nothing
CREATE CONSTRAINT engine_id IF NOT EXISTS FOR (n:Engine) REQUIRE n.id IS UNIQUE
