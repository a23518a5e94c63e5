"""One job on the testbed: from its true state to a record."""
