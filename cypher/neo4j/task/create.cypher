// purpose: the unopened node of a large task; every statement and route skips it until it is opened
// params: task, loader, keys
// from -> to: nothing -> pending
// returns: nothing
CREATE (t:Task)
SET t = $task, t.stored = false, t.loader = $loader
FOREACH (r IN $keys | CREATE (k:RequestKey) SET k = r)
