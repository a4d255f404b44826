"""The static audit rules: one file a rule, registered here."""
