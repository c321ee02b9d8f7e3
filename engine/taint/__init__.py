"""What came from outside, and where it has gone: marks on attempts, paths through a task, the fewest approvals."""
