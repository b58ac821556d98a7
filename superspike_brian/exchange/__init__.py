"""A run for other programs: one script of plain Brian2."""
