"""Calls in other processes of the engine's own: a pool of worker processes, and a Ray cluster behind a bridge.

``calls.py`` is what travels, ``portable.py`` which tools can, ``performing.py`` the far side: in ``child.py``, a worker
of the pool, and in ``streaming.py``, a worker of Ray. ``ray_bridge`` is the one process that knows Ray. ``link.py`` is
the engine's end of such a process, ``workers.py`` and ``cluster.py`` what is known of them; ``processes.py``,
``threads.py`` and ``ray.py`` are the executors, ``carriers.py`` chooses one.
"""
