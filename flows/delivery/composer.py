"""A send made into the message that is handed over: its template in the version it was planned with, its links."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from flows.content.library import Library
from flows.content.links import Links
from flows.content.template import Rendered, RenderFailed, Template, render
from flows.delivery.addresses import fault_of
from flows.delivery.origin import Origin, seal
from flows.delivery.provider import Message
from schemas.records import Record, Send

ADDRESS_FAULT: Final = "address: "  # so begins the reason of what can be no address of its channel
TRACKED: Final = ("email", "sms")  # the channels whose links are counted


class Composer:
    """`read` is a log's: what was published since is read where it is needed. Templates are looked up once for each
    state of the library.
    """

    def __init__(self, read: Callable[[str, int, int], list[Record]], library: Library, base_url: str, link_key: bytes):
        self._read, self._library = read, library
        self._base_url, self._link_key = base_url, link_key
        self._found: dict[tuple[str, str, int, int], Template] = {}

    def compose(self, send: Send, origin: Origin, place: str, now: int) -> Message | str:
        """The message, or why it is not to be handed over now. `place` is the send's `partition:offset`."""
        if send.expires and now >= send.expires:
            return "expired"
        if fault := fault_of(send.channel, send.to):
            return f"{ADDRESS_FAULT}{fault}"
        template = self._template(send)
        if template is None and send.channel == "webhook":  # the data alone will do
            data = {name: str(value) for name, value in send.data.items()}
            return Message(origin, send.to, data=data, place=place)
        if template is None:
            return f"template: {send.template!r} has no version {send.template_version}"
        if template.message_class == "marketing" and send.message_class == "transactional":
            return f"template: {send.template!r} is marketing, the message transactional"
        links = Links(self._base_url, self._link_key, origin, place, now) if send.channel in TRACKED else None
        try:
            rendered = render(template, send.data, send.locale, links)
        except RenderFailed as fault:
            return f"render: {fault}"
        return self._message(send, origin, rendered, links)._replace(place=place)

    def _message(self, send: Send, origin: Origin, rendered: Rendered, links: Links | None) -> Message:
        marketing = send.message_class == "marketing"
        return Message(
            origin,
            send.to,
            rendered.subject,
            rendered.html,
            rendered.text,
            unsubscribe_url=links.unsubscribe_url if links and marketing and send.channel == "email" else "",
            links=rendered.links,
            data=rendered.data,
            token=seal(self._link_key, origin) if send.channel == "sms" else "",
        )

    def _template(self, send: Send) -> Template | None:
        found = self._look_up(send)
        if found is None and send.template_version:
            self._library.refresh(self._read)
            found = self._look_up(send)
        return found

    def _look_up(self, send: Send) -> Template | None:
        """With the snippets that were current when the send was planned."""
        snippets = self._library.catalogue.active(send.at)
        key = (send.channel, send.template, send.template_version, snippets.since)
        if key not in self._found:
            template = self._library.find(send.channel, send.template, send.template_version, send.at)
            if template is None:
                return None
            self._found[key] = template
        return self._found[key]
