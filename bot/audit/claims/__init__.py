"""The claims that a report makes about a test run, and what the results say of them."""
