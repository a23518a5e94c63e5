"""The measuring tools on the hosts: which versions will do, and what their output says."""
