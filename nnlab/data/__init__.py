"""What the experiments read: one file a kind of input, and where it comes from."""
