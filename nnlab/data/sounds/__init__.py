"""Recordings of anybody: one file (``sound_files``), training and test parts (``audio``), log-mel spectrograms."""
