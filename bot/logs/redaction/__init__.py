"""The rules of `bot.logs.redact`, one module for each kind of thing that is found in its own way."""
