"""Markdown from records."""
