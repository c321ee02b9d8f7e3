"""Benchmarks: one run, one table. ``python -m tests.bench --help`` says how; docs/performance.md what came out."""
