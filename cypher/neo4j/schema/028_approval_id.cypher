// purpose: what a person was asked, by the attempt that asked
// returns: nothing
CREATE CONSTRAINT approval_id IF NOT EXISTS FOR (n:Approval) REQUIRE n.id IS UNIQUE
