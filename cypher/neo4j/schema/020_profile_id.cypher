// purpose: a profile by engine and kind
// returns: nothing
CREATE CONSTRAINT profile_id IF NOT EXISTS FOR (n:Profile) REQUIRE n.id IS UNIQUE
