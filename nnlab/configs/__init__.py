"""One file per experiment: its options and presets. Imports nothing heavy."""
