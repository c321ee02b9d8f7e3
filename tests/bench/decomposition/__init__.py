"""How well decomposers order the steps of the benchmark sets: ``python -m tests.bench.decomposition``."""
