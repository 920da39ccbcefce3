"""Everything a user sees or keeps: consoles, progress, figures, JSON and the run folder."""
