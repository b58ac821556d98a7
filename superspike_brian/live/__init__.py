"""Runs and sweeps that go on, looked at: what there is to see, a page in a browser, a panel in Jupyter.

Imports results, sweeps, figures and what is below them.
"""
