"""What the benchmarks share: both systems under test, measuring, reporting."""
