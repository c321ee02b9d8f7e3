"""The tools: what a subtask calls.

``registry`` knows them by name; each built-in one has its file. ``decorator`` makes a tool of a caller's function.
This file imports nothing, so that naming one tool does not load the others.
"""
