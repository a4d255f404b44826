"""What a proposal of the model's is held against. Given by code, known before the model is asked."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import NamedTuple

from bot.domain.evidence import EvidencePack
from bot.domain.globs import matches_any
from bot.domain.logs import Incident, LogEntry
from bot.evidence.code import CodeAt

_TEST_FILE = re.compile(r"(?:^test_.*|.*_test|^conftest)\.py$")


class Ground(NamedTuple):
    """The incident, the pack that was shown, the redacted snapshot, the code at the running commit.

    `product` are globs of the target's own code and `tests` its test folders, both relative to the repository.
    """

    incident: Incident
    pack: EvidencePack
    entries: tuple[LogEntry, ...]
    code: CodeAt | None
    product: tuple[str, ...]
    tests: tuple[str, ...]

    def is_test(self, path: str) -> bool:
        """Whether a file is test code, by its folder or by its name."""
        return matches_any(path, self.tests) is not None or _TEST_FILE.match(PurePosixPath(path).name) is not None
