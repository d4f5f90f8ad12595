"""Every version of every template, as the log has published them."""

from __future__ import annotations

from collections.abc import Callable

from flows.content.template import Template, compile_template
from flows.definitions.catalogue import Catalogue
from schemas.records import Record
from schemas.topics import DEFINITIONS


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

    def find(self, channel: str, id: str, version: int) -> Template | None:
        """One version of a template; None where it was never published."""
        published = self.catalogue.versions.get((f"{channel}_template", id), {}).get(version)
        return compile_template(published.body) if published else None
