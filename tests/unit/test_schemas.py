"""The documents for programs: each has a schema, is pinned in its version, and is what commands give."""

from __future__ import annotations

import json
import os
from pathlib import Path

import jsonschema
import pytest
import typer

from bot.cli import cli
from bot.domain.errors import UsageProblem
from bot.domain.record import SCHEMA
from bot.domain.record_document import sealed
from bot.reports.json.audit import RulesDocument
from bot.reports.json.base import Document
from bot.reports.json.registry import DOCUMENTS, json_schema
from bot.schema_command import show_schemas
from tests.conforming import conforms
from tests.unit.whole_records import plainly, whole

PINS = Path(__file__).parents[1] / "schemas"
UPDATE = os.environ.get("WHYBOT_UPDATE_SNAPSHOTS") == "1"


def form(schema: object, names: bool = False) -> object:
    """A schema without what it says to people. `names` are those of properties and definitions."""
    if isinstance(schema, list):
        return [form(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {key: form(value, names=not names and key in {"properties", "$defs"})
            for key, value in sorted(schema.items()) if names or key != "description"}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_change_of_form_makes_a_new_version(name: str) -> None:
    """A document may grow or change as it needs: as `whybot/NAME/2`. What has a version keeps its form.

    `WHYBOT_UPDATE_SNAPSHOTS=1` writes the pin of a new version, and never one that is there.
    """
    pin = PINS / f"{name}-{DOCUMENTS[name].version}.json"
    found = json.dumps(form(json_schema(name)), indent=1) + "\n"
    if UPDATE and not pin.exists():
        pin.parent.mkdir(exist_ok=True)
        pin.write_text(found)
    assert pin.exists(), f"{DOCUMENTS[name].schema} is new: run this with WHYBOT_UPDATE_SNAPSHOTS=1"
    assert found == pin.read_text(), (
        f"the form of {DOCUMENTS[name].schema} has changed: give it the next version. Where this version was never "
        f"released, remove {pin.name} and run this with WHYBOT_UPDATE_SNAPSHOTS=1"
    )


def test_no_pin_is_of_a_document_that_never_was() -> None:
    pins = [path.stem.rpartition("-") for path in PINS.glob("*.json")]
    assert [name for name, _, version in pins
            if name not in DOCUMENTS or int(version) > DOCUMENTS[name].version] == []


def test_a_pin_notices_changes() -> None:
    schema = json_schema("recheck")
    assert isinstance(schema["properties"], dict)
    more = {**schema, "properties": {**schema["properties"], "description": {"type": "string"}}}
    assert form(more) != form(schema)
    assert form({**schema, "description": "other words"}) == form(schema)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_schema_is_one_and_says_what_things_are(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    schema = json_schema(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["description"]
    assert schema["properties"]["schema"]["const"] == schema["title"] == DOCUMENTS[name].schema  # type: ignore[index, call-overload]
    assert DOCUMENTS[name].says.endswith(".")
    assert len(DOCUMENTS[name].says) < 100
    for asked in (name, DOCUMENTS[name].schema):
        assert show_schemas(asked, json=False) == 0
        assert json.loads(capsys.readouterr().out) == schema


@pytest.mark.parametrize("name", ["nothing", "whybot/cycle/99", "cycle/99", "", "::error::x"])
def test_a_document_that_there_is_not(name: str) -> None:
    with pytest.raises(UsageProblem, match="There is no document"):
        show_schemas(name, json=True)


def test_the_list_of_documents_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert show_schemas(None, json=True) == 0
    document = json.loads(capsys.readouterr().out)
    assert conforms(document) == "schemas"
    assert [one["name"] for one in document["documents"]] == list(DOCUMENTS)
    assert show_schemas(None, json=False) == 0
    out = capsys.readouterr().out
    assert [line.split()[0] for line in out.splitlines()[1:] if line.strip() and line[0] not in " `"] == list(DOCUMENTS)


def test_every_document_of_a_command_is_listed() -> None:
    """A model that is in no registry has no schema."""
    def below(model: type[Document]) -> list[type[Document]]:
        return [one for direct in model.__subclasses__() for one in (direct, *below(direct))]

    listed = {made.model for made in DOCUMENTS.values()}
    assert RulesDocument in listed
    assert [model.__name__ for model in below(Document)
            if model not in listed and "schema_name" in model.__annotations__] == []


def test_every_command_that_gives_a_result_gives_it_as_json() -> None:
    """But for the jobs of a workflow, whose results are outputs of the job."""
    commands: dict[str, typer.core.TyperCommand] = typer.main.get_command(cli).commands  # type: ignore[attr-defined]
    without = [name for name, command in commands.items()
               if name != "actions" and "--json" not in {option for one in command.params for option in one.opts}]
    assert without == []
    named = {word.strip(",") for made in DOCUMENTS.values() for word in made.given_by.split()}
    assert [name for name in commands if name not in {*named, "actions"}] == []


# What cannot be had from a command quickly, but stands in files

def test_a_record_is_what_its_schema_says() -> None:
    assert DOCUMENTS["record"].version == SCHEMA
    record = whole(plainly)
    conforms(json.loads(json.dumps(sealed(record.model_dump(mode="json"), SCHEMA))))
