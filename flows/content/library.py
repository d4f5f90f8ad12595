"""Every version of every template, as the log has published them."""

from __future__ import annotations

from flows.content.template import Template, compile_template
from flows.definitions.catalogue import Catalogue
from schemas.records import Record


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

    def find(self, channel: str, id: str, version: int) -> Template | None:
        """One version of a template; None where it was never published."""
        published = self.catalogue.versions.get((f"{channel}_template", id), {}).get(version)
        return compile_template(published.body) if published else None
