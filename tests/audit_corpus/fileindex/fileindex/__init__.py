"""Index the files of a folder by content."""

__version__ = "0.4.0"
