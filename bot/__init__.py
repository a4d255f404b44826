"""whybot: a debugging bot for services on Cloud Run. The model proposes, code decides."""

__version__ = "0.1.0"
