"""Agents in other processes: workers that take them from Redis, and the engine's side of that."""
