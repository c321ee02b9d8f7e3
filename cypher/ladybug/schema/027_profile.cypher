// purpose: what an engine has learned about a kind of subtask
// returns: nothing
CREATE NODE TABLE IF NOT EXISTS `Profile`(id STRING PRIMARY KEY, namespace STRING, engine STRING, kind STRING, data STRING, updated_at INT64)
