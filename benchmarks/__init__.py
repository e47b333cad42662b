"""Measurements on real data and on this machine, run with ``python -m benchmarks.NAME``; no test asserts them."""
