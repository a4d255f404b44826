"""`bot schema`: the JSON documents that there are, and the JSON Schema of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.domain.errors import UsageProblem
from bot.progress import harmless, say, say_json, say_table
from bot.reports.json.registry import DOCUMENTS, json_schema, schemas_document

if TYPE_CHECKING:
    from rich.table import Table


def show_schemas(name: str | None, json: bool) -> int:
    """List the documents, or print the schema of one; return the exit code. Raises UsageProblem for an unknown one."""
    if name is not None:
        # As it stands under `schema` in the document, too: the version is the one that this whybot makes.
        plain = name.removeprefix("whybot/").partition("/")[0]
        if plain not in DOCUMENTS or (name != plain and name != DOCUMENTS[plain].schema):
            raise UsageProblem(f"There is no document {harmless(name)!r} here.", "`bot schema` lists those there are.")
        say_json({**json_schema(plain)})
    elif json:
        say_json(schemas_document())
    else:
        say_table(_table(), plain_width=150)
        say("\n`bot schema NAME` prints its JSON Schema (draft 2020-12). Each document says under `schema` what it is.")
    return 0


def _table() -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("name", no_wrap=True)
    table.add_column("version", justify="right")
    table.add_column("from", ratio=2)
    table.add_column("what it says", ratio=3)
    for one in schemas_document().documents:
        table.add_row(one.name, str(one.version), one.given_by, one.says)
    return table
