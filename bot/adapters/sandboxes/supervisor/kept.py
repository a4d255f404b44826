"""What is kept of a stream of output."""

from __future__ import annotations


class Kept:
    """The head and the tail of a stream, in bounded memory."""

    def __init__(self, most: int) -> None:
        self.head_room = most - most // 4
        self.tail_room = most // 4
        self.head = bytearray()
        self.tail = bytearray()
        self.total = 0

    def add(self, data: bytes) -> None:
        """Take the next bytes."""
        self.total += len(data)
        room = self.head_room - len(self.head)
        if room > 0:
            self.head += data[:room]
            data = data[room:]
        if data:
            self.tail += data
            if len(self.tail) > self.tail_room:
                del self.tail[:len(self.tail) - self.tail_room]

    def bytes(self) -> bytes:
        """What was kept, with a line that says how much is missing."""
        left_out = self.total - len(self.head) - len(self.tail)
        if not left_out:
            return bytes(self.head + self.tail)
        return bytes(self.head) + f"\n[... {left_out} bytes left out ...]\n".encode() + bytes(self.tail)
