"""Texts of anybody: one file (``textfile``), training and test parts (``text``), tokenizers, batches of sentences."""
