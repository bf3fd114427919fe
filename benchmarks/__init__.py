"""Benchmarks: what is fast, measured beside what it is compared with."""
