"""Keeps the index in a JSON file."""

import json
import os
import tempfile
from dataclasses import asdict
from pathlib import Path

from fileindex.scanner import FileRecord

VERSION = 2


class CorruptIndex(Exception):
    """The file is no index of this version."""


class IndexStore:
    """The index of one folder."""

    def __init__(self, folder):
        self.path = Path(folder) / "index.json"

    def save(self, records):
        """Write atomically: another process sees the old or the new index, a failure keeps the old one."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self.path.parent, suffix=".tmp")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump({"version": VERSION, "files": [asdict(record) for record in records]}, file)
            os.replace(name, self.path)
        except BaseException:
            os.unlink(name)
            raise

    def load(self):
        """The records; none if there is no index yet."""
        try:
            data = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return []
        except ValueError as error:
            raise CorruptIndex(str(error)) from error
        if not isinstance(data, dict) or data.get("version") != VERSION:
            raise CorruptIndex("another version")
        return [FileRecord(**item) for item in data["files"]]
