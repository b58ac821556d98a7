"""Many runs: jobs, a grid of options, the processes that do them. Imports runs and what is below them."""
