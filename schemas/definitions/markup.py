"""What may stand in a template: a small, closed part of Jinja2, and MJML around it.

A template reads data, branches, loops over lists and formats. It calls nothing but `range`, defines no macros, includes
only snippets, by name, and reaches for no internals; so what it can do is told by looking at its syntax tree.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

import mrml
from jinja2 import TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

MAX_SOURCE: Final = 256 * 1024  # characters of one part of a template
FILTERS: Final = frozenset(
    [
        "abs",
        "capitalize",
        "clean",
        "count",
        "d",
        "date",
        "default",
        "first",
        "float",
        "int",
        "items",
        "join",
        "json",
        "last",
        "length",
        "lower",
        "money",
        "number",
        "percent",
        "replace",
        "round",
        "sort",
        "time",
        "title",
        "trim",
        "truncate",
        "upper",
        "urlencode",
    ]
)
TESTS: Final = frozenset(
    [
        "defined",
        "undefined",
        "none",
        "number",
        "string",
        "boolean",
        "even",
        "odd",
        "in",
        "eq",
        "ne",
        "gt",
        "ge",
        "lt",
        "le",
    ]
)
CALLS: Final = frozenset({"range"})

_ALLOWED: Final = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.For, nodes.If, nodes.Assign, nodes.With),
    *(nodes.Name, nodes.Const, nodes.List, nodes.Tuple, nodes.Dict, nodes.Pair, nodes.Keyword, nodes.CondExpr),
    *(nodes.Filter, nodes.Test, nodes.Call, nodes.Getitem, nodes.Getattr, nodes.Slice, nodes.Concat),
    *(nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Neg, nodes.Pos),
    *(nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod),
)
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}", re.ASCII)
_SYNTAX: Final = ImmutableSandboxedEnvironment(autoescape=True)


def parse(source: str) -> nodes.Template:
    """The syntax tree; TemplateSyntaxError with its line."""
    return _SYNTAX.parse(source)


def faults(source: str) -> list[str]:
    """Everything in the source that is not allowed, each with its line; empty where all is well."""
    if len(source) > MAX_SOURCE:
        return [f"{len(source)} characters; at most {MAX_SOURCE} are allowed"]
    try:
        tree = parse(source)
    except TemplateSyntaxError as e:
        return [f"line {e.lineno}: {e.message}"]
    except RecursionError:
        return ["nested too deeply"]
    return [f"line {node.lineno}: {fault}" for node in _walk(tree) if (fault := _fault(node))]


def _walk(node: nodes.Node) -> Iterator[nodes.Node]:
    yield node
    for child in node.iter_child_nodes():
        yield from _walk(child)


def _fault(node: nodes.Node) -> str:
    match node:
        case nodes.Filter() if node.name not in FILTERS:
            return f"there is no filter {node.name!r}; there are {', '.join(sorted(FILTERS))}"
        case nodes.Test() if node.name not in TESTS:
            return f"there is no test {node.name!r}; there are {', '.join(sorted(TESTS))}"
        case nodes.Call() if not (isinstance(node.node, nodes.Name) and node.node.name in CALLS):
            return "nothing may be called but range(…); use a filter"
        case nodes.For() if node.recursive:
            return "a loop may not be recursive"
        case nodes.Getattr() if node.attr.startswith("_"):
            return f"{node.attr!r} may not be read"
        case nodes.Include() if isinstance(node.template, nodes.Const) and _ID.fullmatch(str(node.template.value)):
            return ""
        case nodes.Include():
            return 'a snippet is included by its id in quotes, as in {% include "footer" %}'
        case nodes.Name() if node.name.startswith("_"):
            return f"{node.name!r} may not be used: names begin with a letter"
    return "" if isinstance(node, _ALLOWED) else f"{type(node).__name__.lower()} is not part of the template language"


def pieces(source: str) -> Iterator[tuple[str, str]]:
    """The source in pieces: ("data", text), ("include", id of a snippet), or (a kind of tag, the whole tag).

    >>> list(pieces('Hi {{ n }}{% include "footer" %}'))
    [('data', 'Hi '), ('variable', '{{ n }}'), ('include', 'footer')]
    """
    tag, end, words = "", "", list[str]()
    for _, kind, value in _SYNTAX.lex(source):
        if not end and kind == "data":
            yield "data", value
            continue
        end = end or _END_OF.get(kind, kind)
        tag += value
        if kind in ("name", "string"):
            words.append(value)
        if kind == end:
            if words[:1] == ["include"] and len(words) == 2:
                yield "include", words[1][1:-1]
            else:
                yield kind.partition("_")[0], tag
            tag, end, words = "", "", []


def includes(source: str) -> set[str]:
    """The ids of the snippets that a source includes; none where it cannot be read."""
    try:
        return {value for kind, value in pieces(source) if kind == "include"}
    except TemplateSyntaxError:
        return set()


def expand(source: str, find: Callable[[str], str]) -> str:
    """The source with each include replaced by what `find` gives for its id; TemplateSyntaxError."""
    if "include" not in source:
        return source
    return "".join(find(value) if kind == "include" else value for kind, value in pieces(source))


class Protected:
    """A source whose template tags are replaced by plain words, so that a parser of markup passes them on.

    >>> p = Protected('<a href="{{ url }}">')
    >>> p.restore(p.text.upper().replace("XJ", "xj").replace("JX", "jx"))
    '<A HREF="{{ url }}">'
    """

    def __init__(self, source: str):
        self.tags: list[str] = []
        self.text = "".join(self._pieces(source))

    def _pieces(self, source: str) -> Iterator[str]:
        for kind, value in pieces(source):
            if kind == "data":
                yield value
            elif kind != "comment":
                self.tags.append(f'{{% include "{value}" %}}' if kind == "include" else value)
                yield f"xj{len(self.tags) - 1}jx"

    def restore(self, text: str) -> str:
        """The text with the tags back in their places."""
        return _WORD.sub(lambda found: self.tags[int(found[1])], text)


_WORD: Final = re.compile(r"xj(\d+)jx", re.ASCII)
_COMMENT: Final = re.compile(r"<!--.*?-->", re.DOTALL)
_UNKNOWN: Final = re.compile(r"<(mj-[a-z-]+)", re.ASCII)
_END_OF: Final = {
    "variable_begin": "variable_end",
    "block_begin": "block_end",
    "comment_begin": "comment_end",
    "raw_begin": "raw_begin",
    "raw_end": "raw_end",
}


def mjml_to_html(source: str) -> str:
    """The HTML of an MJML source whose template tags stay in place; ValueError says what is wrong with the MJML.

    MJML: https://documentation.mjml.io; no file is read.
    """
    protected = Protected(source)
    try:
        output = mrml.to_html(protected.text)
    except OSError as e:
        raise ValueError(f"this MJML cannot be read: {e}") from None
    if unknown := _UNKNOWN.search(output.content):
        raise ValueError(f"this MJML cannot be read: there is no element <{unknown[1]}>")
    _check_tags(protected, output.content)
    return protected.restore(output.content)


def _check_tags(protected: Protected, html: str) -> None:
    """Each branch and loop still holds what it held: between some elements MJML drops texts, or moves them."""
    blocks = [number for number, tag in enumerate(protected.tags) if tag.startswith("{%")]
    order = [int(found[1]) for found in _WORD.finditer(html)]
    seen = {
        int(found[1]) for found in _WORD.finditer(_COMMENT.sub("", html))
    }  # what is for Outlook alone is not enough
    if lost := set(blocks).difference(seen):
        tag = protected.tags[min(lost)]
        raise ValueError(f"MJML has no place for {tag} here; put it inside of a column, or outside of a wrapper")
    place = 0  # of the blocks, how many have been passed
    for number in order:
        if number in blocks:
            place = blocks.index(number) + 1
        elif place != sum(block < number for block in blocks):
            raise ValueError(
                f"MJML moves {protected.tags[number]} out of its branch or loop; put that inside of a column"
            )
    firsts = [number for number in dict.fromkeys(order) if number in blocks]
    if firsts != blocks:
        wrong = next(b for a, b in zip(firsts, blocks, strict=True) if a != b)
        raise ValueError(f"MJML moves {protected.tags[wrong]} to another place; put it inside of a column")
