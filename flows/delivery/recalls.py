"""What was taken back after it had been planned: consent that was withdrawn, an address that was suppressed, a contact
that is held out now. Pure.

The fold says it by a record of `sends` with `recall`, behind the sends that it concerns; so it reaches whoever delivers
them, in their order, and a restart that reads them again reads it again.
"""

from __future__ import annotations

from collections import deque

from schemas.records import Send


class Recalls:
    """Those that may concern a send that is open."""

    def __init__(self) -> None:
        self._of: dict[str, dict[int, Send]] = {}
        self._noted: deque[tuple[int, str]] = deque()

    def note(self, offset: int, recall: Send) -> None:
        """A recall was read; the same one twice is one."""
        of_contact = self._of.setdefault(recall.contact, {})
        if offset not in of_contact:
            of_contact[offset] = recall
            self._noted.append((offset, recall.contact))

    def reason(self, offset: int, send: Send) -> str:
        """Why the send at this offset must not go any more; empty where it may."""
        found = self._of.get(send.contact)
        if found is None:
            return ""
        return next((r.recall for at, r in sorted(found.items()) if at > offset and _concerns(r, send)), "")

    def forget(self, lowest: int) -> None:
        """All sends below this offset have ended."""
        while self._noted and self._noted[0][0] < lowest:
            offset, contact = self._noted.popleft()
            of_contact = self._of[contact]
            del of_contact[offset]
            if not of_contact:
                del self._of[contact]


def _concerns(recall: Send, send: Send) -> bool:
    """A recall of class transactional is of everything, one of class marketing of marketing alone. One without channel
    is of each that reaches a person.
    """
    is_concerned = recall.channel == send.channel or (not recall.channel and send.channel != "webhook")
    if not is_concerned or recall.topic not in ("default", send.topic):
        return False
    return recall.message_class == "transactional" or send.message_class == "marketing"
