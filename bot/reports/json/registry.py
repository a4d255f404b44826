"""Every document that whybot makes for programs, by its name. Only `bot schema` and tests need them all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from bot.domain.asking import JsonObject
from bot.domain.base import Frozen
from bot.domain.notices import Notice
from bot.domain.past import Ledger
from bot.domain.publication import Publication
from bot.reports.json.audit import AuditDocument, RulesDocument
from bot.reports.json.claims import ClaimsDocument
from bot.reports.json.cycle import CycleDocument
from bot.reports.json.doctor import DoctorDocument
from bot.reports.json.error import ErrorDocument
from bot.reports.json.init import InitDocument
from bot.reports.json.logs import LogsDocument
from bot.reports.json.notify import NotifyDocument
from bot.reports.json.proof import ProofDocument
from bot.reports.json.prune import PruneDocument
from bot.reports.json.publish import PublishDocument
from bot.reports.json.recheck import RecheckDocument, RunRecheckDocument
from bot.reports.json.record import RecordDocument
from bot.reports.json.report import ReportDocument
from bot.reports.json.schemas import NamedSchema, SchemasDocument
from bot.reports.json.status import StatusDocument


@dataclass(frozen=True)
class Made:
    """A document: its model, and the commands that print it or the file that holds it."""

    model: type[Frozen]
    given_by: str

    @property
    def schema(self) -> str:
        """What stands under `schema` in it."""
        return str(self.model.model_fields["schema_name"].default)

    @property
    def version(self) -> int:
        """The version of its form."""
        return int(self.schema.rpartition("/")[2])

    @property
    def says(self) -> str:
        """The first line of what it says of itself."""
        return (self.model.__doc__ or "").strip().partition("\n")[0]


DOCUMENTS: Final[Mapping[str, Made]] = {
    "cycle": Made(CycleDocument, "bot cycle, resume, retry, status CYCLE"),
    "status": Made(StatusDocument, "bot status"),
    "logs": Made(LogsDocument, "bot logs"),
    "notify": Made(NotifyDocument, "bot notify"),
    "publish": Made(PublishDocument, "bot publish"),
    "prune": Made(PruneDocument, "bot prune"),
    "recheck": Made(RecheckDocument, "bot recheck"),
    "recheck-run": Made(RunRecheckDocument, "bot recheck RUN"),
    "report": Made(ReportDocument, "bot report"),
    "audit": Made(AuditDocument, "bot audit"),
    "audit-rules": Made(RulesDocument, "bot audit --rules"),
    "claims": Made(ClaimsDocument, "bot audit-report"),
    "proof": Made(ProofDocument, "bot prove"),
    "doctor": Made(DoctorDocument, "bot doctor"),
    "init": Made(InitDocument, "bot init"),
    "schemas": Made(SchemasDocument, "bot schema"),
    "error": Made(ErrorDocument, "every command, in place of its own"),
    "record": Made(RecordDocument, "the file record.json of a cycle"),
    "publication": Made(Publication, "the file that --publish-to names"),
    "notice": Made(Notice, "what a webhook of [notify] is sent"),
    "ledger": Made(Ledger, "the file ledger.json on the state branch"),
}
"""To add one is a module with its model, and a line here."""


class _Written(GenerateJsonSchema):
    """The schema of what is written: every key is there, but for those that are left out while they are empty."""

    def field_is_required(
        self, field: core_schema.ModelField | core_schema.DataclassField | core_schema.TypedDictField, total: bool,
    ) -> bool:
        return "serialization_exclude_if" not in field

    def field_title_should_be_set(self, schema: object) -> bool:
        return False

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        # What is written is there; which value would have been meant by its absence is no matter.
        return self.generate_inner(schema["schema"])

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> JsonSchemaValue:
        # Written as Python does, with an exponent where the number is small.
        return {"type": "string", "description": "A decimal number."}


def json_schema(name: str) -> JsonObject:
    """The JSON Schema (draft 2020-12) of a document. Raises KeyError for one that there is not."""
    made = DOCUMENTS[name]
    found: dict[str, Any] = made.model.model_json_schema(
        by_alias=True, mode="serialization", schema_generator=_Written)
    if "$ref" in found:
        # A document that holds its own kind: say what it is at the top, as of all others.
        found |= found["$defs"][found.pop("$ref").rpartition("/")[2]]
    found.pop("title", None)
    return {
        "$schema": GenerateJsonSchema.schema_dialect, "$id": f"urn:whybot:{name}:{made.version}",
        "title": made.schema, **found,
    }


def schemas_document() -> SchemasDocument:
    """The list of the documents."""
    return SchemasDocument(documents=tuple(
        NamedSchema(name=name, version=made.version, given_by=made.given_by, says=made.says)
        for name, made in DOCUMENTS.items()
    ))
