"""Records as folders' contents, for tests of `bot recheck`."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any

from bot.domain.record import SCHEMA, CycleRecord, CycleRef, run_id
from bot.domain.record_document import sealed
from bot.domain.workflow import Workflow
from bot.engine.workflow import load_workflow
from bot.recheck.folder import Content
from bot.reports.documents import documents_of
from bot.resources import resource_folder
from bot.steps import STEPS

WORKFLOW: Workflow = load_workflow(resource_folder("workflows") / "remediation.toml", STEPS)


def document_of(record: CycleRecord) -> Any:
    """What record.json holds."""
    return sealed(record.model_dump(mode="json"), SCHEMA)


def content_of(record: CycleRecord) -> Content:
    """A folder with the record and its documents."""
    files = {name: text.encode() for name, text in documents_of(record, WORKFLOW)}
    return Content({"record.json": json.dumps(document_of(record)).encode(), **files})


def named(record: CycleRecord) -> CycleRecord:
    """The record under the run id that its settings give, as `Runs.begin` makes it."""
    digest = hashlib.sha256(f"{record.settings.model_dump_json()}0".encode()).hexdigest()
    moment: datetime = record.created_at
    return record.model_copy(update={"ref": CycleRef(focus="startup", run=run_id(moment, digest), number=1)})
