"""What the CRM is asked and told, for a CRM that polls."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.records import CrmCommand, Entry, encode
from schemas.topics import CRM_COMMANDS
from tests.api.support import ADMIN, api


def test_commands_come_page_by_page_each_contacts_in_order_and_new_ones_after_them(tmp_path: Path):
    with api(tmp_path) as (client, log):

        def ask(n: int) -> None:
            asked = [CrmCommand(f"{n}-{c}", c, n, "add_tag", data={"tag": "keen"}) for c in ("ann", "bob", "cy")]
            log.append([Entry(CRM_COMMANDS, command.contact, encode(command)) for command in asked])

        ask(1)
        ask(2)
        found, cursor = [], ""
        for _ in range(3):
            page = client.get(f"/v1/crm/commands?limit=2&cursor={cursor}", headers=ADMIN).json()
            assert len(page["items"]) == 2
            found, cursor = found + page["items"], page["next"]
        assert sorted(c["id"] for c in found) == ["1-ann", "1-bob", "1-cy", "2-ann", "2-bob", "2-cy"]
        assert [c["at"] for c in found if c["contact"] == "ann"] == [1, 2]
        assert client.get(f"/v1/crm/commands?cursor={cursor}", headers=ADMIN).json() == {"items": [], "next": cursor}
        ask(3)
        page = client.get(f"/v1/crm/commands?cursor={cursor}", headers=ADMIN).json()
        assert sorted(c["id"] for c in page["items"]) == ["3-ann", "3-bob", "3-cy"]


@pytest.mark.parametrize("cursor", ["1", "1-2-3", "a-b", "-1-2", "²-1"])
def test_a_cursor_that_is_none_is_told(tmp_path: Path, cursor: str):
    with api(tmp_path) as (client, _):
        answer = client.get("/v1/crm/commands", params={"cursor": cursor}, headers=ADMIN)
        assert answer.status_code == 422
        assert "leave it out to begin anew" in answer.text


def test_commands_take_the_admin_key(tmp_path: Path):
    with api(tmp_path) as (client, _):
        assert client.get("/v1/crm/commands").status_code == 401
