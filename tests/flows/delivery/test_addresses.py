"""The usual lists of what is an address and what is none: https://en.wikipedia.org/wiki/Email_address#Examples."""

from __future__ import annotations

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import given
from hypothesis import strategies as st

from flows.delivery.addresses import fault_of

VALID = [
    "simple@example.com",
    "very.common@example.com",
    "FirstName.LastName@EasierReading.org",
    "x@example.com",
    "long.email-address-with-hyphens@and.subdomains.example.com",
    "user.name+tag+sorting@example.com",
    "name/surname@example.com",
    "admin@example",
    "example@s.example",
    "mailhost!username@example.org",
    "user%example.com@example.org",
    "user-@example.org",
    "o'hara@example.com",
    "_@example.com",
    "1234567890@example.com",
    "user@xn--bcher-kva.example",
    "用户@例子.广告",
    "ñandú@example.com",
]

INVALID = [
    "",
    "abc.example.com",
    "a@b@c@example.com",
    'a"b(c)d,e:f;g<h>i[j\\k]l@example.com',
    'just"not"right@example.com',
    'this is"not\\allowed@example.com',
    "1234567890123456789012345678901234567890123456789012345678901234+x@example.com",
    "i.like.underscores@but_they_are_not_allowed_in_this_part",
    ".lead@example.com",
    "trail.@example.com",
    "dou..ble@example.com",
    "a@",
    "@b.example",
    "a@b..example",
    "a@-b.example",
    "a@b.example\r\nBcc: x@y.example",
    "ann@example.com\n",
    " ann@example.com",
    "a b@example.com",
    "\u202eann@example.com",
    "a" * 320 + "@example.com",
    "ann@example.com,bob@example.com",
    "Ann <ann@example.com>",
]


@pytest.mark.parametrize("address", VALID)
def test_addresses_of_email(address: str):
    assert fault_of("email", address) == ""


@pytest.mark.parametrize("address", INVALID, ids=repr)
def test_what_is_no_address_of_email(address: str):
    assert fault_of("email", address).startswith("is no address of email")


@given(st.from_regex(r"[A-Za-z0-9_+.-]{1,30}@[A-Za-z0-9.-]{1,30}", fullmatch=True))
def test_a_plain_address_is_judged_as_the_library_judges_it(address: str):
    try:
        validate_email(address, strict=True, check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError:
        assert fault_of("email", address)
    else:
        assert fault_of("email", address) == ""


@pytest.mark.parametrize("number", ["+41791234567", "+15550100", "+123456789012345"])
def test_numbers(number: str):
    assert fault_of("sms", number) == ""


@pytest.mark.parametrize(
    "number", ["", "0791234567", "+0791234567", "41791234567", "+41 79 123", "+1234567890123456", "+1²34567"]
)
def test_what_is_no_number(number: str):
    assert "E.164" in fault_of("sms", number)


@pytest.mark.parametrize(
    ("token", "fits"), [("fcm:APA91b_x-y", True), ("", False), ("a b", False), ("a\r\nX: 1", False)]
)
def test_tokens_of_devices(token: str, fits: bool):
    assert (fault_of("push", token) == "") is fits
