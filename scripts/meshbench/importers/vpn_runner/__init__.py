"""Importer of the thesis's public data set, and of any other run written by the same runner."""
