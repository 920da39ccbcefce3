"""nnlab: classic neural-network experiments that anyone can run, trust and use from a terminal."""

__version__ = "0.1.0"
