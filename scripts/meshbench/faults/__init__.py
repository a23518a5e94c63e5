"""What is broken on purpose, and mended again."""
