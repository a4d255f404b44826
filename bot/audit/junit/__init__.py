"""Results of a run as JUnit XML has them: its cases, and what it prints of failures."""
