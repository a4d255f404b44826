"""Where an asserted value comes from."""
