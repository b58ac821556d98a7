"""``superspike bench``: what is fast and slow on this machine, measured. Imports the command line and what is below it.

`kernels` compares the kernels as ratios, `felt` measures what a user waits for, `readme` writes both into the README.
"""
