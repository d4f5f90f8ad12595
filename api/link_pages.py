"""The pages behind the links in messages, in the reader's language: unsubscribe, preferences, and what went wrong.

No script, nothing from elsewhere; readable at any width, by screen readers and in the dark.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final, NamedTuple

from fastapi import Request
from fastapi.responses import HTMLResponse, Response

HEADERS: Final = {"Cache-Control": "no-store, private", "Referrer-Policy": "no-referrer"}
PAGE_HEADERS: Final = HEADERS | {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' https:; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}
_STYLE: Final = """
:root{color-scheme:light dark;--ink:#1b2430;--soft:#5b6675;--page:#f3f5f8;--card:#fff;--line:#d5dbe3;
--act:#0b5cad;--link:#0b5cad}
@media (prefers-color-scheme:dark){:root{--ink:#e8edf3;--soft:#a3afbd;--page:#12171d;--card:#1c232c;--line:#36414e;
--act:#2874c4;--link:#7db8f5}}
*{box-sizing:border-box}
body{margin:0;padding:8vh 1rem 2rem;background:var(--page);color:var(--ink);font:1.0625rem/1.55 system-ui,sans-serif}
main{max-width:34rem;margin:auto;padding:2rem;background:var(--card);border:1px solid var(--line);border-radius:.75rem}
h1{margin:0 0 .75rem;font-size:1.6rem;line-height:1.25;text-wrap:balance}
p{margin:0 0 1.25rem}
fieldset{margin:0 0 1.5rem;padding:0;border:0}
legend{padding:0;margin-bottom:.5rem;color:var(--soft)}
label{display:flex;gap:.75rem;align-items:flex-start;padding:.8rem 0;border-top:1px solid var(--line);cursor:pointer}
input{width:1.25rem;height:1.25rem;margin:.15rem 0 0;flex:none;accent-color:var(--act)}
small{display:block;color:var(--soft);font-size:.9rem}
button{font:inherit;font-weight:600;padding:.7rem 1.25rem;margin:0 .5rem .5rem 0;border:1px solid var(--act);
border-radius:.5rem;background:var(--act);color:#fff;cursor:pointer}
button.quiet{background:transparent;color:var(--ink);border-color:var(--line)}
a{color:var(--link)}
:focus-visible{outline:3px solid var(--link);outline-offset:2px}
"""


class Words(NamedTuple):
    """What the pages say in one language."""

    leave: str
    leave_text: str
    leave_topic: str
    button: str
    all: str
    choose: str
    left: str
    left_text: str
    preferences: str
    preferences_text: str
    topics: str
    channel: str
    channel_text: str
    save: str
    saved: str
    saved_text: str


WORDS: Final = {
    "en": Words(
        leave="Unsubscribe",
        leave_text="You will get no more messages of this kind from us.",
        leave_topic="You will get no more messages about “{}” from us.",
        button="Unsubscribe",
        all="Stop all news",
        choose="Choose what you get instead",
        left="You are unsubscribed",
        left_text="You will not hear from us about this again.",
        preferences="What would you like to get?",
        preferences_text="Choose the topics that you want to hear about. Messages about your orders and your account "
        "come in any case.",
        topics="Topics",
        channel="All news",
        channel_text="Without this box, no topic comes.",
        save="Save",
        saved="Saved",
        saved_text="We keep to what you chose, from now on.",
    ),
    "de": Words(
        leave="Abmelden",
        leave_text="Sie erhalten keine Nachrichten dieser Art mehr von uns.",
        leave_topic="Sie erhalten keine Nachrichten zu «{}» mehr von uns.",
        button="Abmelden",
        all="Alle Neuigkeiten abbestellen",
        choose="Stattdessen auswählen, was Sie erhalten",
        left="Sie sind abgemeldet",
        left_text="Sie hören dazu nichts mehr von uns.",
        preferences="Was möchten Sie erhalten?",
        preferences_text="Wählen Sie die Themen, die Sie interessieren. Nachrichten zu Bestellungen und zu Ihrem Konto "
        "kommen in jedem Fall.",
        topics="Themen",
        channel="Alle Neuigkeiten",
        channel_text="Ohne dieses Häkchen kommt kein Thema.",
        save="Speichern",
        saved="Gespeichert",
        saved_text="Ab jetzt halten wir uns an Ihre Auswahl.",
    ),
    "fr": Words(
        leave="Se désabonner",
        leave_text="Vous ne recevrez plus de messages de ce type de notre part.",
        leave_topic="Vous ne recevrez plus de messages sur « {} » de notre part.",
        button="Se désabonner",
        all="Ne plus rien recevoir",
        choose="Choisir plutôt ce que vous recevez",
        left="Vous êtes désabonné",
        left_text="Nous ne vous écrirons plus à ce sujet.",
        preferences="Que souhaitez-vous recevoir ?",
        preferences_text="Choisissez les sujets qui vous intéressent. Les messages sur vos commandes et votre compte "
        "arrivent dans tous les cas.",
        topics="Sujets",
        channel="Toutes les nouvelles",
        channel_text="Sans cette case, aucun sujet n’arrive.",
        save="Enregistrer",
        saved="Enregistré",
        saved_text="Nous respectons votre choix dès maintenant.",
    ),
}


class Choice(NamedTuple):
    """A topic on the preference page."""

    topic: str
    name: str
    description: str
    chosen: bool


def language_of(request: Request) -> str:
    """The first language of the browser that there are words in; English otherwise."""
    for part in request.headers.get("accept-language", "").split(","):
        language = part.partition(";")[0].strip()[:2].lower()
        if language in WORDS:
            return language
    return "en"


def leave_page(language: str, topic: str, preferences: str) -> Response:
    """Asks whether to unsubscribe; `topic` is its name, empty for the channel."""
    words = WORDS[language]
    told = words.leave_topic.format(escape(topic)) if topic else words.leave_text
    every = f'<button class="quiet" name="scope" value="all">{words.all}</button>' if topic else ""
    return _page(
        language,
        words.leave,
        f'<p>{told}</p><form method="post"><button name="scope" value="topic">{words.button}</button>{every}</form>'
        f'<p style="margin:1rem 0 0"><a href="{escape(preferences)}">{words.choose}</a></p>',
    )


def left_page(language: str) -> Response:
    """Says that it is done."""
    words = WORDS[language]
    return _page(language, words.left, f"<p>{words.left_text}</p>")


def preference_page(language: str, choices: Sequence[Choice]) -> Response:
    """A box for each topic. What stood before goes along, so that only what changed is written."""
    words = WORDS[language]
    boxes = "".join(map(_box, choices))
    return _page(
        language,
        words.preferences,
        f'<p>{words.preferences_text}</p><form method="post">'
        f"<fieldset><legend>{words.topics}</legend>{boxes}</fieldset><button>{words.save}</button></form>",
    )


def saved_page(language: str) -> Response:
    """Says that the choice is kept."""
    words = WORDS[language]
    return _page(language, words.saved, f'<p role="status">{words.saved_text}</p>')


def _box(choice: Choice) -> str:
    topic = escape(choice.topic)
    more = f"<small>{escape(choice.description)}</small>" if choice.description else ""
    return (
        f'<label><input type="checkbox" name="topic" value="{topic}"{" checked" if choice.chosen else ""}>'
        f"<span>{escape(choice.name)}{more}</span></label>"
        f'<input type="hidden" name="{"had" if choice.chosen else "had_not"}" value="{topic}">'
    )


def _page(language: str, title: str, body: str) -> Response:
    html = (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{escape(title)}</h1>{body}</main></body></html>"
    )
    return HTMLResponse(html, headers=PAGE_HEADERS | {"Content-Language": language, "Vary": "Accept-Language"})
