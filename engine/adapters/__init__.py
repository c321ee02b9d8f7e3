"""One file per outside library: what the engine reaches through its ports. Imported by the composition root only."""
