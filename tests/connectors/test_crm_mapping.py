"""The CRM's records as events, by the built-in mapping and by one's own."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.crm_mapping import Mapper, read_record
from connectors.segment_spec import contact_of
from flows.attribution.money import amount_of
from schemas.definitions.crm_mapping import BUILT_IN, CrmMapping
from schemas.errors import UnreadableRecord
from schemas.records import CrmRecord, Event, encode

AT, LOGGED_AT = "1970-01-01T00:00:05Z", 9_000


@pytest.fixture(scope="module")
def built_in() -> Mapper:
    return Mapper(CrmMapping.model_validate_json(encode(BUILT_IN)))


def own(*rules: dict[str, Any]) -> Mapper:
    return Mapper(CrmMapping.model_validate_json(encode({"kind": "crm_mapping", "id": "default", "rules": rules})))


def mapped(
    mapper: Mapper, entity: Any, op: Any, data: dict[str, Any], previous: Any = None, id: str = "x1"
) -> list[Event]:
    return mapper.map_record(CrmRecord(entity, op, id, AT, data, previous or {}), LOGGED_AT)


def names(events: list[Event]) -> list[str]:
    return [e.name for e in events]


def test_a_contact_is_identified_consents_and_joins_its_account(built_in):
    data = {"email": "a@example.com", "email_consent": "subscribed", "sms_consent": False, "account_id": "acme"}
    identify, email, sms, group = mapped(built_in, "contact", "created", data, id="ann")
    assert identify.type == "identify"
    assert identify.traits == {"email": "a@example.com", "account_id": "acme"}
    assert {k: email.properties[k] for k in ("channel", "status", "topic")} == {
        "channel": "email",
        "status": "subscribed",
        "topic": "default",
    }
    assert (sms.type, sms.properties["channel"], sms.properties["status"]) == ("consent_changed", "sms", "unsubscribed")
    assert (group.type, group.group_id) == ("group", "acme")
    assert {contact_of(e) for e in (identify, email, sms, group)} == {"ann"}
    assert {(e.at, e.received_at) for e in (identify, email, sms, group)} == {(5_000, LOGGED_AT)}


def test_an_update_says_consent_again_only_where_it_changed(built_in):
    data = {"city": "Bern", "email_consent": "subscribed"}
    assert names(mapped(built_in, "contact", "updated", data, {"city": "Basel"})) == ["identify"]
    assert names(mapped(built_in, "contact", "updated", data, {"email_consent": "pending"})) == [
        "identify",
        "consent_changed",
    ]


def test_who_is_deleted_in_the_crm_is_written_to_no_more(built_in):
    events = mapped(built_in, "contact", "deleted", {})
    assert names(events) == ["contact_deleted", *["consent_changed"] * 3]
    assert [e.properties["status"] for e in events[1:]] == ["unsubscribed"] * 3


def test_a_deal_that_reaches_its_won_stage_is_won_once_with_its_amount(built_in):
    won = {"contact_id": "ann", "stage": "closed_won", "amount": 19.99, "currency": "CHF"}
    event, moved = mapped(built_in, "deal", "updated", won, {"stage": "open"}, id="d1")
    assert (event.event, moved.event, contact_of(event)) == ("deal_won", "deal_stage_changed", "ann")
    assert event.properties == {
        "deal_id": "d1",
        "stage": "closed_won",
        "amount_minor": 1999,
        "currency": "CHF",
    }
    assert amount_of(event.properties, "EUR") == (1999, "CHF")
    assert names(mapped(built_in, "deal", "updated", won, {"amount": 5})) == []
    assert names(mapped(built_in, "deal", "created", won)) == ["deal_won", "deal_stage_changed"]
    assert names(mapped(built_in, "deal", "updated", won | {"stage": "closed_lost"}, {"stage": "open"})) == [
        "deal_lost",
        "deal_stage_changed",
    ]


def test_activities_tasks_and_accounts(built_in):
    (call,) = mapped(built_in, "activity", "created", {"contact_id": "ann", "type": "call", "subject": "hi"}, id="t1")
    assert (call.event, call.properties) == ("call_logged", {"subject": "hi", "activity_id": "t1"})
    (note,) = mapped(built_in, "activity", "created", {"contact_id": "ann", "type": "note"})
    assert note.event == "note"
    (done,) = mapped(built_in, "task", "updated", {"contact_id": "ann", "status": "completed"}, id="t2")
    assert (done.event, done.properties) == ("task_completed", {"status": "completed", "task_id": "t2"})
    (account,) = mapped(built_in, "account", "updated", {"contact_id": "ann", "name": "Acme"}, id="acme")
    assert (account.type, account.group_id, account.traits) == ("group", "acme", {"name": "Acme"})


def test_what_no_rule_is_for_makes_nothing(built_in):
    assert mapped(built_in, "deal", "updated", {"stage": "closed_won"}) == []
    assert mapped(built_in, "account", "updated", {"name": "Acme"}) == []
    assert mapped(built_in, "task", "deleted", {"contact_id": "ann"}) == []


def test_a_record_that_is_read_again_gives_the_same_ids_and_another_one_gives_others(built_in):
    first, again = (mapped(built_in, "contact", "created", {"a": 1, "account_id": "b"}) for _ in range(2))
    assert first == again
    assert len({e.id for e in first}) == len(first) == 2
    later = mapped(built_in, "contact", "created", {"a": 2, "account_id": "b"})  # in the very same millisecond
    assert not {e.id for e in first} & {e.id for e in later}
    reordered = mapped(built_in, "contact", "created", {"account_id": "b", "a": 1})
    assert [e.id for e in reordered] == [e.id for e in first]


def test_a_clock_of_the_crm_that_is_ahead_is_not_believed(built_in):
    record = CrmRecord("contact", "created", "ann", "2100-01-01T00:00:00Z", {"a": 1})
    assert built_in.map_record(record, LOGGED_AT)[0].at == LOGGED_AT


@pytest.mark.parametrize(
    ("entity", "data", "place"),
    [
        ("deal", {"contact_id": "ann", "stage": "won", "amount": 5}, "data.currency: is missing"),
        (
            "deal",
            {"contact_id": "ann", "stage": "won", "amount": "much", "currency": "EUR"},
            "data.amount: 'much' is no",
        ),
        ("activity", {"contact_id": "ann", "type": "email_opened"}, "event: 'email_opened' is a name of Waxwing's own"),
        ("activity", {"contact_id": {"id": 1}, "type": "call"}, "userId: expected"),
        ("activity", {"contact_id": "", "type": "call"}, "userId: is missing"),
    ],
)
def test_a_record_becomes_all_its_events_or_none(built_in, entity, data, place):
    with pytest.raises(UnreadableRecord) as caught:
        mapped(built_in, entity, "created", data)
    assert str(caught.value).startswith(place)


@pytest.mark.parametrize(
    ("value", "place"),
    [
        (b"nonsense", "record: is no JSON"),
        (b"{}", "record: object missing required field `entity`"),
        (b'{"entity":"lead","op":"created","id":"1","at":"2026-01-01T00:00:00Z"}', "entity: invalid enum value 'lead'"),
        (b'{"entity":"deal","op":"created","id":7,"at":"2026-01-01T00:00:00Z"}', "id: expected `str`, got `int`"),
        (b'{"entity":"deal","op":"created","id":"","at":"2026-01-01T00:00:00Z"}', "id: is empty"),
        (b'{"entity":"deal","op":"created","id":"1","at":"soon"}', "at: 'soon' is no instant"),
    ],
)
def test_bytes_that_are_no_change_record_name_the_field(value, place):
    with pytest.raises(UnreadableRecord) as caught:
        read_record(value)
    assert str(caught.value).startswith(place)


def test_any_crm_can_be_mapped_by_ones_own_rules():
    mapper = own(
        {
            "entity": "deal",
            "when": [{"field": "data.props.dealstage", "op": "in", "value": [7, 8]}],
            "to": {
                "type": "track",
                "event": {"from": "data.props.dealstage", "names": {"7": "deal_won", "8": "deal_lost"}},
                "user": {"from": ["data.props.contact", "data.owner"]},
                "at": {"from": "data.props.closed", "unit": "s"},
                "properties": {"amount_minor": {"from": "data.props.amount", "money": "JPY"}, "by": {"const": "crm"}},
            },
        }
    )
    data = {"props": {"dealstage": 7, "amount": "1500", "closed": 4}, "owner": 12}
    (event,) = mapped(mapper, "deal", "updated", data)
    assert (event.event, event.user_id, event.at) == ("deal_won", "12", 4_000)
    assert event.properties == {"amount_minor": 1500, "by": "crm"}
