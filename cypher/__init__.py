"""The statements, as text: one per file, read by ``graph.catalog``. Shared dialect first.

``neo4j/`` and ``ladybug/`` hold a file of the same name only where that dialect must differ. Every file begins with a
header of ``//`` lines: purpose, params, from -> to (where it moves a state), returns.
"""
