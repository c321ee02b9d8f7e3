"""How a task becomes a plan."""
