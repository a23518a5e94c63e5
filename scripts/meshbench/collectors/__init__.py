"""What is looked at beside every benchmark, one module each, found by being here."""
