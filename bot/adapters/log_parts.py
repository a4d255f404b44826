"""One file of a log: opened, unpacked, refused where it cannot be a log, with sentences for what goes wrong."""

from __future__ import annotations

import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from bot.adapters.byte_streams import GZIP, ByteStream, GzipBytes, PlainBytes
from bot.adapters.log_files import shown
from bot.domain.errors import RetrievalFailed

_BOM = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff", b"\x00{\x00", b"{\x00", b"\x00[\x00", b"[\x00")
_LOOKED_AT = 4_096
_PACKED = {
    b"\x28\xb5\x2f\xfd": ("zstd", "zstd -d"),
    b"\xfd7zXZ\x00": ("xz", "xz -d"),
    b"BZh": ("bzip2", "bunzip2"),
    b"\x04\x22\x4d\x18": ("lz4", "lz4 -d"),
    b"PK\x03\x04": ("zip", "unzip"),
}
_WHAT_TO_GIVE = "Give NDJSON, the JSON array of `gcloud logging read --format=json`, or gzip of either."


@dataclass(frozen=True)
class Part:
    """A file of a log, named `label` to people; `path` None is standard input, or what stands in for it.

    `once`: it can be read once, from front to back, as a pipe.
    """

    label: str
    path: Path | None
    once: bool = False
    stdin: BinaryIO | None = None


def file_part(path: Path, label: str) -> Part:
    """A file that exists. Raises RetrievalFailed with what to do when it cannot be opened."""
    try:
        once = not stat.S_ISREG(path.stat().st_mode)
        part = Part(label, path, once)
        if not once:
            open_part(part).close()
    except FileNotFoundError:
        where = "" if path.parent.exists() else f" (the folder {shown(path.parent)} does not exist either)"
        raise RetrievalFailed(
            f"There is no file {shown(path)}{where}.", "Check the path given to --logs file:PATH."
        ) from None
    except (OSError, ValueError) as error:
        raise _unreadable(shown(path), error) from None
    return part


def open_part(part: Part) -> ByteStream:
    """The text of a part from its start. Raises RetrievalFailed when it cannot be opened."""
    if part.path is None:
        plain = PlainBytes(_standard_input(part.stdin), keep_open=True)
    else:
        try:
            raw = part.path.open("rb", buffering=0)
            size = 0 if part.once else os.fstat(raw.fileno()).st_size
        except OSError as error:
            raise _unreadable(part.label, error) from None
        # The system names no size for some of its own files, which have content.
        plain = PlainBytes(raw, size or None)
    return GzipBytes(plain) if plain.peek(len(GZIP)) == GZIP else plain


def without_mark(head: bytes, label: str) -> bytes:
    """The start of a text without its byte order mark. Raises RetrievalFailed for what cannot be a log."""
    for magic, (kind, command) in _PACKED.items():
        if head.startswith(magic):
            raise RetrievalFailed(
                f"{label} is compressed with {kind}, which is not read.", f"Unpack it first (`{command}`), or use gzip."
            )
    if head.startswith(_UTF16):
        raise RetrievalFailed(
            f"{label} is UTF-16 text, as some shells write it; logs are UTF-8.",
            "Convert it: iconv -f UTF-16 -t UTF-8 FILE.",
        )
    # A line with a zero byte is a damaged line, and a log that was emptied while it was written begins with many.
    if b"\x00" in head[:_LOOKED_AT] and head.lstrip(b"\x00 \t\r\n")[:1] not in {b"{", b"["}:
        raise RetrievalFailed(f"{label} is a binary file, not exported log entries.", _WHAT_TO_GIVE)
    return head.removeprefix(_BOM)


def _standard_input(given: BinaryIO | None) -> BinaryIO:
    # Typed as always there, but a process can be started without.
    stdin: BinaryIO | None = given if given is not None else getattr(sys.stdin, "buffer", None)
    remedy = "Pipe a log into it: gcloud logging read FILTER --format=json | bot logs --logs file:-"
    if stdin is None or stdin.closed:
        raise RetrievalFailed("Standard input is closed, so no log can come from it.", remedy)
    if stdin.isatty():
        raise RetrievalFailed("Standard input is a terminal, so no log comes from it.", remedy)
    return stdin


def _unreadable(label: str, error: OSError | ValueError) -> RetrievalFailed:
    reason = error.strerror if isinstance(error, OSError) else None
    return RetrievalFailed(f"{label} cannot be read: {reason or error}.", "Check the file and its permissions.")
