"""Keeps the documents of a cycle and of its run as their records are."""

from __future__ import annotations

from bot.domain.record import CycleRecord, CycleRef
from bot.domain.workflow import Workflow
from bot.ports import Store
from bot.reports.documents import DOCUMENTS, documents_of
from bot.reports.run_document import RUN_DOCUMENT, run_document


class Documents:
    """Writes what changed, and nothing else. Only whoever holds the state may have one.

    `others` are the run's other cycles, in their order: nobody changes them in the meantime.
    """

    def __init__(self, ref: CycleRef, store: Store, workflow: Workflow) -> None:
        self.others = tuple(store.load(one) for one in store.cycles(ref.focus) if one.run == ref.run and one != ref)
        self._store = store
        self._workflow = workflow
        self._written: dict[str, str] = {}

    def write(self, record: CycleRecord) -> None:
        """Write the documents of a record, and that of its run."""
        for name, text in documents_of(record, self._workflow):
            if self._written.get(name) != text:
                self._store.put_artifact(record.ref, name, text.encode("utf-8", "replace"))
                self._written[name] = text
        run = run_document(sorted((*self.others, record), key=lambda one: one.ref.number), self._workflow)
        if self._written.get(RUN_DOCUMENT) != run:
            self._store.put_run_document(record.ref, RUN_DOCUMENT, run.encode("utf-8", "replace"))
            self._written[RUN_DOCUMENT] = run

    def drop_others(self, ref: CycleRef) -> None:
        """Remove the cycle's documents that its record has no material for any more: nobody must read on in them."""
        for name in set(DOCUMENTS).difference(self._written):
            self._store.drop_artifact(ref, name)
