"""Pure: from entries to groups, incidents and the one that matters. Redaction."""
