"""What a measurement leaves behind: the raw record, and the registry of metrics."""
