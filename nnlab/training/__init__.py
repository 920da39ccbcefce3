"""Fitting with checkpoints, resuming to the bit, many seeds, and the one door to the backend."""
