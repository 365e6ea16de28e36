"""Benchmarks: one file per figure; `python -m benchmarks` runs them all, or those named."""
