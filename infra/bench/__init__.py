"""Benchmarks: each prints one JSON line. Ratios and figures of one run on one machine; never part of the tests."""
