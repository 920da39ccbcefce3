"""One file per experiment: its options and presets; the options of all runs, and of predict. Imports nothing heavy."""
