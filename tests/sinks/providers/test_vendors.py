"""Every provider over HTTP against a server that speaks its protocol: one table of what vendors answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from flows.delivery.origin import Origin, pack, unpack
from flows.delivery.provider import LATE, Absent, Accepted, Message, Provider, Refused, Result, Retry, Unknown
from schemas.errors import InvalidInput
from schemas.ids import uuid5
from sinks.providers import fcm, onesignal, onesignal_events, postmark, sendgrid, ses, telnyx, twilio
from sinks.providers.make import make
from sinks.providers.secrets import Secrets
from tests.sinks.providers.vendor import (
    FROM,
    MESSAGE,
    ORIGIN,
    Asked,
    Make,
    Say,
    Vendor,
    defined,
    result,
    serving,
    with_vendor,
)

SID = "AC" + "0" * 32
SMS = MESSAGE._replace(to="+41791234567", text="Hi", origin=ORIGIN, token="tok-en_1")
PUSH = MESSAGE._replace(to="device", subject="Hi", text="there", data={"screen": "home"})
BASE = "https://m.example"
PEM = generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

SENDGRID = defined(type="sendgrid", **{"from": FROM}, reply_to="help@bank.example")
SES = defined(type="ses", **{"from": FROM}, region="eu-west-1", account="AKIDEXAMPLE", configuration="c")
POSTMARK = defined(type="postmark", **{"from": FROM}, reply_to="help@bank.example", stream="broadcast")
TWILIO = defined(type="twilio", account=SID, number="+15005550006")
TELNYX = defined(type="telnyx", service="profile-1")
FCM = defined(type="fcm", account="project-1")
ONESIGNAL = defined(type="onesignal", account="app-1")


def key_file(url: str) -> str:
    return json.dumps({"client_email": "w@p.example", "private_key": PEM, "token_uri": f"{url}/token"})


def google(asked: Asked) -> Say:
    """FCM and the service that hands out tokens."""
    if asked.path == "/token":
        return Say(200, {"access_token": "at", "expires_in": 3600})
    return Say(200, {"name": "projects/project-1/messages/m1"})


def error(code: Any) -> dict[str, Any]:
    return {"errors": [{"code": code, "title": "no"}]}


def fcm_error(code: str) -> dict[str, Any]:
    return {"error": {"status": "X", "details": [{"@type": "…FcmError", "errorCode": code}]}}


def bad_token() -> dict[str, Any]:
    return {"error": {"details": [{"fieldViolations": [{"field": "message.token"}]}]}}


class Case:
    """A vendor: how its provider is made, a message for it, how it says yes and what that is called."""

    def __init__(self, make: Make, message: Message, yes: Say | Callable[[Asked], Say], id: str):
        self.make, self.message, self.yes, self.id = make, message, yes, id


CASES = {
    "sendgrid": Case(
        lambda u: sendgrid.SendGrid(SENDGRID, "k", u, 1),
        MESSAGE,
        Say(202, headers=(("X-Message-Id", "m1"),)),
        "m1",
    ),
    "ses": Case(lambda u: ses.Ses(SES, "k", u, 1), MESSAGE, Say(200, {"MessageId": "m1"}), "m1"),
    "postmark": Case(
        lambda u: postmark.Postmark(POSTMARK, "k", u, 1), MESSAGE, Say(200, {"ErrorCode": 0, "MessageID": "m1"}), "m1"
    ),
    "twilio": Case(lambda u: twilio.Twilio(TWILIO, "k", BASE, u, 1), SMS, Say(201, {"sid": "SM1"}), "SM1"),
    "telnyx": Case(lambda u: telnyx.Telnyx(TELNYX, "k", BASE, u, 1), SMS, Say(200, {"data": {"id": "m1"}}), "m1"),
    "fcm": Case(lambda u: fcm.Fcm(FCM, key_file(u), u, 1), PUSH, google, "projects/project-1/messages/m1"),
    "onesignal": Case(lambda u: onesignal.OneSignal(ONESIGNAL, "k", u, 1), PUSH, Say(200, {"id": "m1"}), "m1"),
}
every = pytest.mark.parametrize("name", CASES)


def told(name: str, say: Say) -> Result:
    """What becomes of a message to which the vendor says this."""
    case = CASES[name]
    usual = (lambda asked: google(asked) if asked.path == "/token" else say) if name == "fcm" else say
    return result(Vendor(usual), case.make, case.message)


def asked(name: str) -> Asked:
    """The request by which the vendor was given the message."""
    case = CASES[name]
    vendor = Vendor(case.yes)
    result(vendor, case.make, case.message)
    return vendor.asked[-1]


@every
def test_what_is_accepted_has_the_vendors_id(name: str):
    case = CASES[name]
    assert result(Vendor(case.yes), case.make, case.message) == Accepted(case.id)


@every
def test_what_is_late_never_goes_out(name: str):
    case = CASES[name]
    vendor = Vendor(case.yes)
    assert result(vendor, case.make, case.message._replace(not_after=1)) == LATE
    assert [asked.path for asked in vendor.asked if asked.path != "/token"] == []


@every
@pytest.mark.parametrize(
    ("status", "kind"), [(429, Retry), (500, Retry), (503, Retry), (502, Unknown), (504, Unknown), (413, Refused)]
)
def test_statuses_are_sorted(name: str, status: int, kind: type[Result]):
    assert isinstance(told(name, Say(status)), kind)


@every
def test_how_long_to_wait_is_taken_from_the_answer(name: str):
    found = told(name, Say(429, headers=(("Retry-After", "17"),)))
    assert isinstance(found, Retry)
    assert found.after_s == 17


@every
def test_a_key_that_is_not_taken_is_a_matter_of_the_account(name: str):
    found = told(name, Say(401))
    assert isinstance(found, Refused)
    assert found.scope == "account"


@every
@pytest.mark.parametrize("instead", ["cut", "hang"])
def test_without_an_answer_nobody_knows(name: str, instead: str):
    assert isinstance(told(name, Say(instead=instead)), Unknown)


@every
def test_no_connection_means_that_it_was_not_accepted(name: str):
    async def refused() -> Result:
        provider = CASES[name].make("http://127.0.0.1:1")
        try:
            return await provider.send(CASES[name].message)
        finally:
            await provider.close()

    assert isinstance(asyncio.run(refused()), Retry)


@every
def test_an_answer_that_is_nonsense_is_no_crash(name: str):
    for status in (200, 400, 422):
        for body in ([], "x", 7, {"errors": "x"}, {"error": []}, {"data": 1}):
            told(name, Say(status, body))


@every
def test_connections_are_used_again(name: str):
    case = CASES[name]
    vendor = Vendor(case.yes)

    async def work(provider: Provider) -> None:
        for _ in range(5):
            assert isinstance(await provider.send(case.message), Accepted)

    with_vendor(vendor, case.make, work)
    assert vendor.connections == (2 if name == "fcm" else 1)  # tokens come from another address


@every
def test_only_a_vendor_that_takes_an_id_once_lets_it_go_again(name: str):
    found = with_vendor(Vendor(Say()), CASES[name].make, lambda provider: provider.find("x"))
    assert isinstance(found, Absent if name == "onesignal" else Unknown)


@pytest.mark.parametrize(
    ("name", "say", "scope"),
    [
        ("ses", Say(400, {}, (("x-amzn-ErrorType", "MessageRejected:http://x"),)), "message"),
        ("ses", Say(400, {"__type": "com.x#SendingPausedException"}), "account"),
        ("ses", Say(400, {}, (("x-amzn-ErrorType", "LimitExceededException"),)), "account"),
        ("postmark", Say(422, {"ErrorCode": 406, "Message": "inactive"}), "address"),
        ("postmark", Say(422, {"ErrorCode": 300, "Message": "Invalid 'To' address: 'x'."}), "address"),
        ("postmark", Say(422, {"ErrorCode": 300, "Message": "Invalid 'From' address: 'x'."}), "message"),
        ("postmark", Say(422, {"ErrorCode": 405, "Message": "out of credits"}), "account"),
        ("twilio", Say(400, {"code": 21211, "status": 400}), "address"),
        ("twilio", Say(400, {"code": 21610, "status": 400}), "address"),
        ("twilio", Say(400, {"code": 21606, "status": 400}), "account"),
        ("twilio", Say(400, {"code": 21617, "status": 400}), "message"),
        ("telnyx", Say(400, error("40300")), "address"),
        ("telnyx", Say(422, error("40305")), "account"),
        ("telnyx", Say(422, error("40009")), "message"),
        ("fcm", Say(404, fcm_error("UNREGISTERED")), "address"),
        ("fcm", Say(403, fcm_error("SENDER_ID_MISMATCH")), "address"),
        ("fcm", Say(400, bad_token()), "address"),
        ("fcm", Say(400, fcm_error("INVALID_ARGUMENT")), "message"),
        ("fcm", Say(403, fcm_error("THIRD_PARTY_AUTH_ERROR")), "account"),
        ("onesignal", Say(200, {"id": "", "errors": ["All included players are not subscribed"]}), "address"),
        ("onesignal", Say(200, {"id": "m", "errors": {"invalid_player_ids": ["device"]}}), "address"),
        ("onesignal", Say(400, {"errors": ["no contents"]}), "message"),
    ],
)
def test_codes_are_sorted_as_the_vendor_documents_them(name: str, say: Say, scope: str):
    found = told(name, say)
    assert isinstance(found, Refused)
    assert found.scope == scope


def test_a_vendors_own_way_to_say_later_is_a_retry():
    assert isinstance(told("ses", Say(400, {}, (("x-amzn-ErrorType", "TooManyRequestsException"),))), Retry)
    assert isinstance(told("postmark", Say(422, {"ErrorCode": 100, "Message": "maintenance"})), Retry)
    assert isinstance(told("twilio", Say(400, {"code": 21611})), Retry)
    assert isinstance(told("telnyx", Say(400, error("40318"))), Retry)


def validator(shared: Path, name: str) -> jsonschema.Draft202012Validator:
    schema = json.loads((shared / f"data/vendor_request_schemas/{name}.schema.json").read_text())
    return jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "schema"),
    [
        ("sendgrid", "sendgrid_MailSend"),
        ("ses", "aws_sesv2_SendEmail"),
        ("postmark", "postmark_SendEmailRequest"),
        ("fcm", "fcm_SendMessageRequest"),
    ],
)
def test_requests_are_as_the_vendor_describes_them(shared: Path, name: str, schema: str):
    body = asked(name).json
    validator(shared, schema).validate(body)
    field, value = next(iter(body.items()))
    assert not validator(shared, schema).is_valid({**body, field: 7}), value  # the schema does look


@pytest.mark.data
def test_twilios_form_is_as_twilio_describes_it(shared: Path):
    check = validator(shared, "twilio_CreateMessage.form")
    check.validate(asked("twilio").form)
    service = defined(type="twilio", account=SID, service="MG" + "a" * 32)
    check.validate(twilio.form_of(SMS, service, BASE))
    assert not check.is_valid({"Body": "x"})


def test_origin_travels_with_the_message_and_back():
    metadata = asked("postmark").json["Metadata"]
    assert len(metadata) <= 10
    assert all(len(k) <= 20 and len(v) <= 80 for k, v in metadata.items())
    assert unpack([metadata[f"w{i}"] for i in range(len(metadata))]) == ORIGIN
    tags = asked("ses").json["EmailTags"]
    assert all(len(t["Value"]) <= 256 and t["Value"].replace("-", "_").isidentifier for t in tags)
    assert unpack([t["Value"] for t in tags]) == ORIGIN
    assert asked("twilio").form["StatusCallback"] == "https://m.example/hooks/twilio?o=tok-en_1"
    assert asked("telnyx").json["webhook_url"] == "https://m.example/hooks/telnyx?o=tok-en_1"


def test_an_origin_that_is_too_long_keeps_whose_message_it_is():
    long = ORIGIN.__class__(ORIGIN.send, "ann", "email", "c" * 900, topic="news")
    assert unpack(pack(long, 80, 10)) == Origin(ORIGIN.send, "ann", "email")


def test_marketing_mail_says_how_to_get_away():
    wanted = {"List-Unsubscribe": "<https://m.example/u/abc>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    for headers in (asked("ses").json["Content"]["Simple"]["Headers"], asked("postmark").json["Headers"]):
        assert {h["Name"]: h["Value"] for h in headers} == wanted


def test_the_senders_name_is_encoded():
    assert asked("postmark").json["From"] == "The =?utf-8?q?B=C3=A4nk?= <hello@bank.example>"


def test_what_waits_for_postmark_goes_in_one_batch_and_each_gets_its_own_answer():
    def answer(asked: Asked) -> Say:
        bodies = asked.json if isinstance(asked.json, list) else [asked.json]
        said = [{"ErrorCode": 406 if "c3@" in b["To"] else 0, "MessageID": b["To"]} for b in bodies]
        return Say(200, said if isinstance(asked.json, list) else said[0])

    vendor = Vendor(answer)

    async def work(provider: Provider) -> list[Result]:
        messages = [MESSAGE._replace(to=f"c{n}@example.com") for n in range(1_200)]
        return await asyncio.gather(*(provider.send(m) for m in messages))

    found = with_vendor(vendor, CASES["postmark"].make, work)
    assert [r.provider_id for r in found if isinstance(r, Accepted)] == [
        f"c{n}@example.com" for n in range(1_200) if n != 3
    ]
    assert found[3] == Refused("406 ", "address")
    assert len(vendor.asked) <= 5
    assert max(len(a.json) for a in vendor.asked) <= 500


def test_a_batch_without_an_answer_is_unknown_for_each():
    vendor = Vendor(Say(instead="cut"))

    async def work(provider: Provider) -> list[Result]:
        return await asyncio.gather(*(provider.send(MESSAGE) for _ in range(10)))

    assert all(isinstance(r, Unknown) for r in with_vendor(vendor, CASES["postmark"].make, work))


def test_one_access_token_serves_many_messages_and_a_refused_one_is_asked_anew():
    vendor = Vendor(google)

    async def work(provider: Provider) -> None:
        await asyncio.gather(*(provider.send(PUSH) for _ in range(20)))
        vendor.says.append(Say(401))
        assert isinstance(await provider.send(PUSH), Refused)
        await provider.send(PUSH)

    with_vendor(vendor, CASES["fcm"].make, work)
    assert [a.path for a in vendor.asked].count("/token") == 2


def test_the_assertion_is_a_jwt_that_another_library_verifies():
    import jwt

    tokens = fcm.Tokens("p", key_file("https://g.example"), 1)
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    public = load_pem_private_key(PEM.encode(), None).public_key()
    claims = jwt.decode(
        tokens.assertion(1_900_000_000),
        public,
        ["RS256"],
        audience="https://g.example/token",
        options={"verify_iat": False},
    )
    assert (claims["iss"], claims["exp"] - claims["iat"]) == ("w@p.example", 3600)


@pytest.mark.parametrize("text", ["", "{}", '{"client_email":"x","private_key":"y"}'])
def test_a_key_file_that_is_none_is_told_without_showing_it(text: str):
    with pytest.raises(InvalidInput, match=r"provider p: secret: must be a service account's key file"):
        fcm.Fcm(FCM, text)


def test_a_secret_is_had_by_name_from_the_environment():
    provider = make(POSTMARK, Secrets({"WAXWING_SECRET_P": "token"}), BASE)
    assert provider.name == "p"
    assert make(POSTMARK, Secrets({"WAXWING_SECRET_POSTMARK": "token"}), BASE).name == "p"  # or by its type
    with pytest.raises(InvalidInput, match="set WAXWING_SECRET_P or WAXWING_SECRET_POSTMARK"):
        make(POSTMARK, Secrets({}), BASE)
    assert "token" not in repr(Secrets({"WAXWING_SECRET_P": "token"}).__dict__)


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({"type": "ses", "from": FROM}, "ses needs account, region"),
        ({"type": "postmark"}, "postmark needs from"),
        ({"type": "twilio", "account": SID}, "twilio needs either"),
        ({"type": "fcm", "account": "x", "region": "eu"}, "fcm has no region"),
        ({"type": "fcm", "account": "x", "channel": "email"}, "fcm delivers push, not email"),
        ({"type": "webhook", "url": "ftp://x.example"}, "must be like https"),
        ({"type": "webhook", "url": "https://user:pw@x.example"}, "must be like https"),
        ({"type": "webhook", "url": "smtp://x.example"}, "is no address for webhook"),
        ({"type": "postmark", "from": FROM, "key": "abc"}, "key: is not known here"),
    ],
)
def test_a_definition_that_does_not_fit_its_type_is_refused(body: dict[str, Any], fault: str):
    with pytest.raises(InvalidInput, match=fault):
        defined(**body)


@every
def test_it_works_on_uvloop_too(name: str):
    import uvloop

    case, vendor = CASES[name], Vendor(CASES[name].yes)

    async def run() -> Result:
        async with serving(vendor):
            provider = case.make(vendor.url)
            try:
                return await provider.send(case.message)
            finally:
                await provider.close()

    assert uvloop.run(run()) == Accepted(case.id)


def test_onesignal_s_name_says_where_the_send_is_also_where_the_provider_s_id_is_long():
    for provider, said in (("phones", "phones"), ("p" * 100, "")):
        origin = Origin(uuid5("s"), "c", "push", provider=provider)
        name = onesignal_events.name_of(PUSH._replace(origin=origin, place="15:9007199254740993"))
        assert len(name) <= 128
        assert onesignal_events.place_of(name) == (15, 9007199254740993, origin.send, said)
    assert onesignal_events.place_of("weekly-promo-push") is None
