"""Sends entries to the archive server: one JSON line each, answered by `ok <id>`."""

import json
import socket

from ledgerbook.errors import ArchiveUnavailable
from ledgerbook.settings import LedgerSettings


class RemoteArchive:
    """A client of the archive server."""

    def __init__(self, settings=None):
        settings = settings or LedgerSettings()
        self.address = (settings.archive_host, settings.archive_port)
        self.timeout = settings.archive_timeout

    def push(self, record):
        """Send a record and wait for its receipt; ArchiveUnavailable if there is none."""
        try:
            with socket.create_connection(self.address, timeout=self.timeout) as connection:
                connection.sendall(json.dumps(record, sort_keys=True).encode() + b"\n")
                answer = connection.makefile("rb").readline().decode().strip()
        except OSError as error:
            raise ArchiveUnavailable(f"{self.address[0]}:{self.address[1]}: {error}") from error
        if answer != f"ok {record['id']}":
            raise ArchiveUnavailable(f"unexpected answer {answer!r}")
        return answer
