"""Every version of every template, and the snippets, as the log has published them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from flows.content.template import Template, compile_template
from flows.definitions.catalogue import Catalogue
from schemas.records import Record
from schemas.topics import DEFINITIONS

NOW: Final = 1 << 62  # once everything that was published is active


class Library:
    """Fed with the records of `definitions`; versions stay readable when a template is deleted."""

    def __init__(self) -> None:
        self.catalogue = Catalogue()

    @property
    def next_offset(self) -> int:
        """The offset of `definitions` to read on from."""
        return self.catalogue.next_offset

    def apply(self, record: Record) -> None:
        """Take one record of `definitions`."""
        self.catalogue.apply(record)

    def refresh(self, read: Callable[[str, int, int], list[Record]]) -> None:
        """Take what was published since; `read(topic, partition, offset)` is a log's."""
        while records := read(DEFINITIONS, 0, self.next_offset):
            for record in records:
                self.apply(record)

    def find(self, channel: str, id: str, version: int, at: int = NOW) -> Template | None:
        """One version of a template, with the snippets current at `at`; None where it was never published."""
        published = self.catalogue.versions.get((f"{channel}_template", id), {}).get(version)
        return compile_template(published.body, self.snippets(at)) if published else None

    def snippets(self, at: int = NOW) -> dict[str, Mapping[str, Any]]:
        """The bodies of the snippets current at an instant, by id."""
        return {p.id: p.body for p in self.catalogue.active(at).of("snippet")}
