"""Watching the target's tests: a pytest plugin, and the code that launches it and reads what it saw."""
