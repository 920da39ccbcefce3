"""Fitting with checkpoints, resuming to the bit, and many seeds, here or on a cluster."""
