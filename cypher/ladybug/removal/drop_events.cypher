// purpose: removes events by key
// params: keys
// returns: nothing
UNWIND $keys AS wanted
MATCH (v:Event) WHERE v.key = wanted
DELETE v
