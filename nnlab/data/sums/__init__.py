"""Sums: drawn (``arithmetic``), longer than any that were taught (``long_sums``), of a user's file (``sum_files``)."""
