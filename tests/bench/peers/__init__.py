"""Other engines at the same work. Each ``run_NAME.py`` is run alone, in that peer's environment."""
