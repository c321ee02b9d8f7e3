"""Outputs used again: what makes the key, where entries are, who looks them up, and how one run serves several."""
