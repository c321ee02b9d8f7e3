// purpose: the requests of a namespace that wait: the property is present only while there is no verdict
// returns: nothing
CREATE INDEX approval_waits IF NOT EXISTS FOR (n:Approval) ON (n.waits_in)
