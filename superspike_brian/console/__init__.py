"""What is shown while something runs: streams that hold, progress. Imports values."""
