"""Notifications of Amazon SNS and their signature: pure. https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html

The certificate is fetched only from SNS's own hosts. Anybody can have SNS sign for a topic of his own, so the topic has
to be the expected one as well.
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as Base64Error
from typing import Any, Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.x509 import load_pem_x509_certificate

from schemas.errors import UnreadableRecord

_HOST: Final = re.compile(r"https://sns\.[a-z0-9-]{3,}\.amazonaws\.com(\.cn)?/")
_CERTIFICATE: Final = re.compile(_HOST.pattern + r"SimpleNotificationService-[A-Za-z0-9]+\.pem")
_SIGNED: Final = ("Message", "MessageId", "SubscribeURL", "Subject", "Timestamp", "Token", "TopicArn", "Type")


class Notification(msgspec.Struct):
    """A body as SNS posts it."""

    Type: str
    MessageId: str
    TopicArn: str
    Message: str
    Timestamp: str
    Signature: str
    SigningCertURL: str
    SignatureVersion: str = "1"
    Subject: str | None = None
    SubscribeURL: str | None = None
    Token: str | None = None

    @property
    def signed_text(self) -> bytes:
        """What the signature is over: names and values in lines, in the order of names, without what is absent."""
        lines = []
        for name in _SIGNED:
            value: Any = getattr(self, name)
            if value is not None and (self.Type != "Notification" or name not in ("SubscribeURL", "Token")):
                lines += [name, value]
        return "".join(f"{line}\n" for line in lines).encode()


def read_notification(body: bytes) -> Notification:
    """The notification; UnreadableRecord for anything else."""
    try:
        return msgspec.json.decode(body, type=Notification)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise UnreadableRecord(f"no notification of SNS: {fault}") from None


def is_certificate_url(url: str) -> bool:
    """Whether this is where SNS keeps its certificates.

    >>> is_certificate_url("https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123abc.pem")
    True
    >>> is_certificate_url("https://sns.eu-west-1.amazonaws.com.evil.example/SimpleNotificationService-0123abc.pem")
    False
    """
    return _CERTIFICATE.fullmatch(url) is not None


def is_subscribe_url(url: str | None) -> bool:
    """Whether a GET of it goes to SNS."""
    return url is not None and _HOST.match(url) is not None


def is_signed(notification: Notification, pem: bytes) -> bool:
    """Whether SNS signed this with the certificate's key; anything odd is False."""
    algorithm = {"1": SHA1(), "2": SHA256()}.get(notification.SignatureVersion)  # noqa: S303 - SNS's version 1 is SHA-1
    try:
        key = load_pem_x509_certificate(pem).public_key()
        if algorithm is None or not isinstance(key, RSAPublicKey):
            return False
        key.verify(b64decode(notification.Signature, validate=True), notification.signed_text, PKCS1v15(), algorithm)
    except (InvalidSignature, Base64Error, ValueError):
        return False
    return True
