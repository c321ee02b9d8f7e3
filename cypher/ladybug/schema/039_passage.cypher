// purpose: what can be searched of outputs and files, each with its vector
// returns: nothing
CREATE NODE TABLE IF NOT EXISTS Passage(id STRING PRIMARY KEY, namespace STRING, source STRING, task_id STRING, kind STRING, name STRING, number INT64, text STRING, at INT64, model STRING, vector FLOAT[512])
