"""Callbacks of tasks: whoever is named there is told what happens, signed, in order and at least once.

``place.py`` decides, ``envelope.py`` writes, ``engine.tools.signing`` signs, ``lanes.py`` shares the calls out,
``course.py`` is one callback on its way, ``teller.py`` carries.
"""
