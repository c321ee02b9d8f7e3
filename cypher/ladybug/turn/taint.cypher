// purpose: marks the attempts of a rerun whose output, taken over, holds something from outside
// params: ids
// returns: nothing
UNWIND $ids AS wanted
MATCH (a:Attempt) WHERE a.id = wanted
SET a.tainted = true
