"""``superspike bench``: what is fast and slow on this machine, measured. Imports sweeps, figures and what is below them.

`kernels` compares the kernels as ratios, `felt` measures what a user waits for, `readme` writes both into the README.
"""
