"""Answers in words and as data: why something waits, what happened, how two runs differ.

The deciding parts (``causes``, ``why``, ``report``, ``diff``) are pure: facts in, an answer out. ``gather`` reads the
facts, with few and bounded reads, through the port in ``engine.lookups``.
"""
