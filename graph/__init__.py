"""Remembers. The only folder that knows a graph database: Neo4j, and the embedded one.

``reader.py`` and ``writer.py`` say each promise of ``engine.ports.Graph`` once, for both; ``neo4j/`` and ``ladybug/``
hold what must differ: the connection, the turn, and the writing of large tasks.
"""
