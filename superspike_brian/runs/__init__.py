"""Doing a run: train and resume, block after block. Imports results, engine and what is below them."""
