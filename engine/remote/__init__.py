"""Agents in other processes: which there are, which of them gets a subtask, and what comes back."""
