"""Pure: evidence packs and the checking of citations."""
