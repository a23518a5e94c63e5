"""What a configuration may say, where its words stand, and what follows from them."""
