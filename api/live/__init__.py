"""Live progress: whoever looks at a task gets its events as they happen.

The engine's part in it is one follower per task that is looked at (``channel``), whatever the number of viewers. What
is to be sent is encoded once (``parts``) and kept for a while; a viewer is a position in it, and reads from the graph
what is not kept any more. So a slow viewer costs no memory, misses nothing, and holds nobody up.
"""
