"""The samples can be published as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.documents import files_of, read_documents
from connectors.publish import CatalogueReader, publish
from connectors.sqlite_log import SqliteLog

SAMPLES = Path(__file__).resolve().parents[2] / "infra" / "samples"


@pytest.mark.parametrize("name", ["experiments"])
def test_a_folder_of_samples_is_published_whole(tmp_path: Path, name: str):
    found = [read_documents(file) for file in files_of(SAMPLES / name)]
    assert [fault for _, faults in found for fault in faults] == []
    bodies = [document.body for documents, _ in found for document in documents]
    log = SqliteLog(tmp_path / "log.db", partitions=1)
    made = publish(CatalogueReader(log), bodies)
    log.close()
    assert len(made) == len(bodies) > 4
