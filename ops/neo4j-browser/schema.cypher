// How the kinds of nodes hang together
CALL db.schema.visualization()
