"""Static evaluation: what values product code has in the state that a test builds."""
