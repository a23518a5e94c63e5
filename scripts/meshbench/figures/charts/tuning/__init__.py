"""What kernel settings do, one by one."""
