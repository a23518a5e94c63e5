"""Sanity rules over the tables of any campaign, and claims of a text checked against them."""
