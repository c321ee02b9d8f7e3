// purpose: one node per line of the log
// returns: nothing
CREATE CONSTRAINT log_line_id IF NOT EXISTS FOR (n:LogLine) REQUIRE n.id IS UNIQUE
