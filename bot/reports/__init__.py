"""Markdown from records. Every number in a document is computed here from typed results."""
