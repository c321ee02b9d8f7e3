"""Questions that people ask the graph in Cypher: which ones may be asked, and how they are asked and answered."""
