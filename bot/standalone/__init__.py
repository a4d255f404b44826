"""What works without a record: the audit of a folder of tests, and of a report."""
