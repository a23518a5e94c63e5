"""What a host spends: the program that samples it, what it prints, and what that comes to."""
