"""The command line: parses, builds, delegates. Heavy imports wait until a command needs them.

A module here holds the commands of one kind. A new command is a function in one of them that imports what it runs
(`bot/NAME_command.py`) within itself. `bot --help` lists them in the order in which they are imported here.
"""

from bot.cli import cycles, looking, alone, setup, actions  # isort: skip
from bot.cli.running import main
from bot.cli.top import cli

__all__ = ["actions", "alone", "cli", "cycles", "looking", "main", "setup"]
