"""What the network must learn: spike patterns."""
