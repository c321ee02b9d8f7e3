"""Neo4j 5.26 and later, over Bolt: the system of record for anything shared."""
