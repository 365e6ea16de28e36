"""Faults, texts and calls in time, and what came of them."""
