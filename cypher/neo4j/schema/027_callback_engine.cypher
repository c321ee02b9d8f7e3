// purpose: the callbacks that an engine has to tell: the property is present only while something is left to tell
// returns: nothing
CREATE INDEX callback_engine IF NOT EXISTS FOR (n:Callback) ON (n.engine)
