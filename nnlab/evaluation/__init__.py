"""Measures on held-out data."""
