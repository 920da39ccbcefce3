"""Data sets known by name: the catalogue, where each is found, downloads, archives, digests."""
