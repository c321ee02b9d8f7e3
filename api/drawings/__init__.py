"""Pictures as text: a task's graph for Mermaid, Graphviz and as SVG, and its attempts over time. Pure.

Keys, names and types are somebody else's text: each language has one function that makes them harmless, and nodes bear
numbers of our own, so that no key can become a part of the picture.
"""
