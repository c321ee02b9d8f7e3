"""Who is asking: keys of the API with a subject and scopes. ``key`` is pure, ``ring`` has those of the namespace."""
