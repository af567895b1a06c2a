"""Benchmarks, each printed as a ratio against a baseline run side by side. Not tests: they assert nothing.

One module per subject, `bench_<subject>.py`, with a `main()` that prints its lines; `measure.py` is what they share.
"""
