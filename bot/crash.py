"""What to paste when whybot itself is at fault."""

from __future__ import annotations

import platform
import sys
import tempfile
import traceback
from pathlib import Path

from bot import __version__
from bot.logs.redact import redact
from bot.progress import harmless_lines


def write_report(error: BaseException) -> str:
    """Write a redacted report to a temporary file; return the sentence that says where it is."""
    text = "\n".join((
        f"whybot {__version__}, Python {platform.python_version()}, {platform.system()} {platform.release()}",
        f"command: {' '.join(sys.argv[1:])}",
        "",
        "".join(traceback.format_exception(error)),
    ))
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="whybot-report-", suffix=".txt", delete=False, encoding="utf-8", errors="replace"
        ) as stream:
            stream.write(redact(text))
    except OSError:
        sys.stderr.write(harmless_lines(redact(text)))
        return "Please report it with the text above."
    return f"The record is as it was. Please report it with {Path(stream.name)}."
