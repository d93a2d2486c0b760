"""Benchmarks: `python -m tests.benchmarks [name…]` measures the product against its bars, next to a comparison."""
