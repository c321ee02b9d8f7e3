"""The stages that work on rows and text. DuckDB does the work on rows; see ``database`` for what it may not do."""
