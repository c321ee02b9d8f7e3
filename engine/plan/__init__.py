"""Plans: what a caller sends becomes a validated graph of subtasks, before anything is stored.

The way through: ``validate`` reads the body (``schema``, ``drafts``), links the subtasks (``links``, ``cycles``),
orders them (``order``) and gives a ``ValidPlan`` or every fault at once; ``build`` turns that into what the graph
stores; ``spec`` is what a running subtask reads back. All of it is pure.
"""
