"""The embedded graph: LadybugDB in this process, for those who run no Neo4j. One writing process per file."""
