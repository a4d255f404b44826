"""A bounded interpreter of tests over syntax trees: what a test would do, without running it."""
