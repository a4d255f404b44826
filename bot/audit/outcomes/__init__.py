"""What kind of failure each outcome is."""
