"""What kind of failure an outcome is, and which tests are fake."""
