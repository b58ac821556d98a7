"""SuperSpike in Brian2."""
