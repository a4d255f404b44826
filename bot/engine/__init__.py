"""The order of steps, the runner and the publisher."""
