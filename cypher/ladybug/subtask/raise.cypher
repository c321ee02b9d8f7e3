// purpose: joins wait for so many more (or fewer) items
// params: ids, number
// returns: nothing
UNWIND $ids AS wanted
MATCH (j:Subtask) WHERE j.id = wanted
SET j.unmet = j.unmet + $number
