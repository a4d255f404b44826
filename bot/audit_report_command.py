"""`bot audit-report`: which statements of a report the results support."""
