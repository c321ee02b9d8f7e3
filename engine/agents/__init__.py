"""Agents: a model in a role, with the tools that the role allows, in a talk of which every turn is in the graph."""
