"""One page per campaign with everything that came out of it."""
