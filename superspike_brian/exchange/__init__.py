"""What other programs read of a run, and what comes over from them: one file a format."""
