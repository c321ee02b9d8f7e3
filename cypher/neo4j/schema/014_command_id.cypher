// purpose: a command by its id
// returns: nothing
CREATE CONSTRAINT command_id IF NOT EXISTS FOR (n:Command) REQUIRE n.id IS UNIQUE
