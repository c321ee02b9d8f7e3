// purpose: a large batch of dependencies from the file that the loader has just written
// params:
// returns: nothing
COPY DEPENDS_ON FROM 'edges.csv' (header = false, parallel = false)
