"""The measuring tools, and what their words mean."""
