"""What the experiments read: one package per kind of input, where it comes from, and what all kinds share.

Pictures, sounds and texts know nothing of each other; digits are pictures, pairs and sums are texts.
"""
