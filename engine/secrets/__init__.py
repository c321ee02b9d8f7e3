"""Secrets: ``{{secrets.NAME}}`` in a plan, what it stands for at the moment of the call, and that nobody sees it.

``literals`` finds secrets that somebody wrote into a plan, ``masking`` covers them in what comes back, ``vault`` knows
those of this engine. Where they are kept is read by ``engine.adapters.secrets``.
"""
