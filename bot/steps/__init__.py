"""One file a step, registered here."""
