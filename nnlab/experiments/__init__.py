"""The experiments, one file a subcommand, each read top to bottom like the report tells it."""
