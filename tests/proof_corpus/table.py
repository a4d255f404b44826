"""Every case, what it deserves and what `bot prove` says: `python -m tests.proof_corpus.table [CASE…]`."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.proof_corpus import CASES, HONEST
from tests.proof_corpus.asking import Answer, ask


def main() -> None:
    """Print the table; exit with 1 when a verdict is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", choices=[[], *CASES])
    given = parser.parse_args()
    print("| case | kind | expected | got | runs | seconds |\n|---|---|---|---|---|---|")  # noqa: T201
    wrong, seconds = 0, 0.0
    for answer in _answers(given.cases or list(CASES)):
        print(row(answer), flush=True)  # noqa: T201
        wrong += bool(answer.wrong)
        seconds += answer.seconds
    print(f"\n{wrong} wrong, {seconds:.0f} s")  # noqa: T201
    sys.exit(1 if wrong else 0)


def _answers(names: list[str]) -> Iterator[Answer]:
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            yield ask(CASES[name], Path(folder))


def row(answer: Answer) -> str:
    """One line of the table: of a wrong answer also what is wrong and all that was said."""
    case = answer.case
    side = "honest" if case.name in HONEST else "dishonest"
    got = answer.verdict if not answer.wrong else f"**{answer.wrong}**: {' '.join((*answer.missing, *answer.notes))}"
    return f"| {case.name} | {side}: {case.kind} | {case.verdict} | {got} | {answer.runs} | {answer.seconds:.1f} |"


if __name__ == "__main__":
    main()
