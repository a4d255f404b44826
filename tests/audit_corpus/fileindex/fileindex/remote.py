"""Publishes an index to a server: `PUT <count>`, then one JSON line for each file; the server says `OK <count>`."""

import json
import socket
import time
from dataclasses import asdict

from fileindex.retry import GaveUp, call_with_retry


class PublishError(Exception):
    """The index could not be published."""


def parse_address(text):
    """`host:port`"""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit():
        raise ValueError(f"not an address: {text!r}")
    return host or "127.0.0.1", int(port)


class Publisher:
    """A client of the index server."""

    def __init__(self, config, sleep=time.sleep):
        self.config = config
        self.address = parse_address(config.server)
        self.sleep = sleep

    def _exchange(self, records):
        with socket.create_connection(self.address, timeout=self.config.timeout) as connection:
            lines = [f"PUT {len(records)}"] + [json.dumps(asdict(record)) for record in records]
            connection.sendall(("\n".join(lines) + "\n").encode())
            with connection.makefile("r", encoding="utf-8") as answers:
                answer = answers.readline().strip()
        if not answer:
            raise ConnectionResetError("closed without an answer")
        return answer

    def publish(self, records):
        """Send the records; the number that the server took. Connections are tried `retries` times, refusals once."""
        if self.config.offline:
            return 0
        try:
            answer = call_with_retry(
                lambda: self._exchange(records), attempts=self.config.retries, sleep=self.sleep
            )
        except GaveUp as error:
            raise PublishError(f"{self.config.server}: {error.__cause__}") from error
        word, _, count = answer.partition(" ")
        if word != "OK" or not count.isdigit():
            raise PublishError(f"{self.config.server} answered {answer!r}")
        return int(count)
