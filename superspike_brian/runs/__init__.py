"""Doing a run: train and resume, block after block; a run as a network. Imports results, engine and what is below them."""
