// purpose: forgets a breaker that is closed
// params: id
// returns: nothing
MATCH (b:Breaker) WHERE b.id = $id
DELETE b
