"""Tasks outside of the graph: what is written of them, in which form, and how they come back."""
