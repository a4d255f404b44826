"""Assertions that hold whatever the code does."""
