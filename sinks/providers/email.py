"""What providers of email share."""

from __future__ import annotations

from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

from flows.delivery.provider import Message
from schemas.definitions.provider import Provider as Definition
from schemas.definitions.provider import Sender


def sender_of(definition: Definition) -> Sender:
    """From whom it comes: every provider of email has a sender, the definition's own check says so."""
    assert definition.sender is not None
    return definition.sender


def from_header(definition: Definition) -> str:
    """`The Bank <hello@bank.example>`, encoded as RFC 2047 has it where a name is not ASCII."""
    mail = EmailMessage(policy=SMTP.clone(max_line_length=None))
    mail["From"] = _address(sender_of(definition))
    return mail.as_string().partition("\r\n")[0].removeprefix("From: ")


def unsubscribe_headers(message: Message) -> dict[str, str]:
    """RFC 2369 and RFC 8058, on marketing mail."""
    if not message.unsubscribe_url:
        return {}
    return {
        "List-Unsubscribe": f"<{message.unsubscribe_url}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def mime(message: Message, definition: Definition) -> EmailMessage:
    """The whole message, text and HTML, as a mail server takes it. Its Message-ID is of the send."""
    sender = sender_of(definition)
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"], mail["Subject"] = _address(sender), message.to, message.subject
    mail["Message-ID"] = f"<{message.origin.send}@{sender.email.rpartition('@')[2]}>"
    if definition.reply_to:
        mail["Reply-To"] = definition.reply_to
    for name, value in unsubscribe_headers(message).items():
        mail[name] = value
    mail.set_content(message.text)
    if message.html:
        mail.add_alternative(message.html, subtype="html")
    return mail


def _address(sender: Sender) -> Address:
    return Address(sender.name, addr_spec=sender.email)
