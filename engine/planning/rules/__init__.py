"""Rules that read plain sentences; each understands all of its part or nothing."""
