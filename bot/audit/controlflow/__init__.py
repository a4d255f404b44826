"""The ways through a test: what each has asserted when it ends green."""
