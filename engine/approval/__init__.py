"""A person between a plan and its effect: who is asked, about what, and what an answer holds for."""
