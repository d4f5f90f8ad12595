"""The Jinja2 environments in which templates are compiled: sandboxed, strict, and bounded in work and size.

`schemas.definitions.markup` decides what a template may say; here every loop counts against a budget, every
operation that makes long strings is checked before it is done, and output stops at its limit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, Literal

from jinja2 import StrictUndefined, Template, Undefined, nodes, pass_context, pass_eval_context
from jinja2.meta import find_undeclared_variables
from jinja2.nodes import EvalContext
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer
from markupsafe import Markup

from flows.content.filters import FILTERS, Json
from schemas.definitions.markup import TESTS, parse

MAX_STEPS: Final = 10_000  # passes through loops in one rendering
MAX_STRING: Final = 64 * 1024  # characters of a string that a template builds
MAX_OUTPUT: Final = 512 * 1024  # characters of one part; Gmail clips at 102 KB
_MAX_NUMBER: Final = 10**18


class TooMuch(ValueError):
    """A template that works or writes without end."""


class Budget:
    """The steps that one rendering has left."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = MAX_STEPS

    def spend(self, items: Iterable[Any]) -> Iterator[Any]:
        """The items, each for one step."""
        for item in items:
            self.left -= 1
            if self.left < 0:
                raise TooMuch(f"loops take more than {MAX_STEPS} steps")
            yield item


@pass_context
def _each(context: Context, items: Iterable[Any]) -> Iterable[Any]:
    budget: Budget = context["_budget"]
    if isinstance(items, list | tuple | str | dict) and len(items) <= budget.left:
        budget.left -= len(items)
        return items
    return budget.spend(items)


@pass_eval_context
def _concat(eval_ctx: EvalContext, parts: list[Any]) -> str:
    empty = Markup("") if eval_ctx.autoescape and any(hasattr(p, "__html__") for p in parts) else ""
    texts = [p if isinstance(p, str) else str(p) for p in parts]
    if sum(map(len, texts)) > MAX_STRING:
        raise TooMuch(f"a string is longer than {MAX_STRING} characters")
    return empty.join(texts)


class _Bounds(NodeTransformer):
    """Sends loops and concatenations through the two functions above."""

    def visit_For(self, node: nodes.For) -> nodes.For:
        self.generic_visit(node)
        node.iter = nodes.Filter(node.iter, "_each", [], [], None, None, lineno=node.lineno)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Filter:
        self.generic_visit(node)
        parts = nodes.List(node.nodes, lineno=node.lineno)
        return nodes.Filter(parts, "_concat", [], [], None, None, lineno=node.lineno)


class _Environment(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset({"+", "*", "%"})

    def __init__(self, autoescape: bool = False, finalize: Callable[[Any], Any] | None = None):
        super().__init__(undefined=StrictUndefined, autoescape=autoescape, finalize=finalize, cache_size=0)
        self.filters = {**FILTERS, "_each": _each, "_concat": _concat}
        self.tests = {name: self.tests[name] for name in TESTS}
        self.globals = {"range": self.globals["range"]}

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Sums and products of numbers, sums of short strings; nothing that grows out of hand."""
        if operator == "+" and isinstance(left, str) and isinstance(right, str):
            if len(left) + len(right) > MAX_STRING:
                raise TooMuch(f"a string is longer than {MAX_STRING} characters")
        elif not (isinstance(left, int | float) and isinstance(right, int | float)):
            raise TypeError(f"{type(left).__name__} {operator} {type(right).__name__} is not possible")
        elif abs(left) > _MAX_NUMBER or abs(right) > _MAX_NUMBER:
            raise TooMuch("a number is too large")
        return super().call_binop(context, operator, left, right)


def _in_json(value: Any) -> Any:
    """What is put into a JSON body: texts as they stand within quotes, anything else as JSON."""
    if isinstance(value, Json | Undefined):
        return value
    written = Json.of(value)
    return written[1:-1] if isinstance(value, str) else written


Form = Literal["plain", "html", "json"]
_ENVIRONMENTS: Final[Mapping[Form, _Environment]] = {
    "plain": _Environment(),
    "html": _Environment(autoescape=True),
    "json": _Environment(finalize=_in_json),
}


def variables(source: str) -> set[str]:
    """The top-level variables that a source reads; raises TemplateSyntaxError."""
    return find_undeclared_variables(_ENVIRONMENTS["plain"].parse(source))


def compile_part(source: str, form: Form = "plain") -> Template:
    """One part of a template, ready to render; raises TemplateSyntaxError."""
    environment = _ENVIRONMENTS[form]
    tree = _Bounds().visit(parse(source))
    tree.set_environment(environment)
    return Template.from_code(environment, environment.compile(tree), environment.make_globals(None))


def render_part(part: Template, data: Mapping[str, Any]) -> str:
    """The text; `data` holds `_budget` and `_locale` besides the variables."""
    pieces, size = [], 0
    for piece in part.generate(data):
        pieces.append(piece)
        size += len(piece)
        if size > MAX_OUTPUT:
            raise TooMuch(f"it writes more than {MAX_OUTPUT} characters")
    return "".join(pieces)
