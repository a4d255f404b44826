"""What a run recorded, told in terms of the text."""
