"""Sentence pairs of anybody: rows and columns of a file, which of them hold sentences, which are doubtful."""
