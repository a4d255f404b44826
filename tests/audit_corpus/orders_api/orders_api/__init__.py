"""Orders: prices, stock, payment."""
