"""Answers in words and as data: why something waits, what happened, how two runs differ.

The deciding parts are pure: facts in, an answer out. ``gather``, ``reporting`` and ``comparing`` read the facts, with
few and bounded reads, through the port in ``engine.lookups``.
"""
