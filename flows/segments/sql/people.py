"""The layer `people`: a row a contact, made of its facts, its account's, and its zone.

`said` is what identifies stated of the traits that are asked about, and groups of the contact's account: tuples (at,
place in the log, path, raw value) in that order. The account is the one that the contact was last grouped with; what
it was said to be counts whoever said it, and also from before the contact was in it.
"""

# ruff: noqa: S608 - what is put together are constants and placeholders, never values
from __future__ import annotations

from typing import Final

from flows.segments.sql.compiler import TIMEZONE, Compiler

_JOINED: Final = "(at, place, 'account.id', toJSONString(group_id))"


def zones(c: Compiler, column: str) -> str:
    """The table `zones`: of each contact what `column` makes of the raw value of its trait `timezone`."""
    zone = column.format(raw=f"trait(arraySort({_stated(c, [TIMEZONE])}), {c.params.text(TIMEZONE)})")
    return f"  zones AS (SELECT contact, {zone} AS zone FROM facts GROUP BY contact)"


def zoned_facts(c: Compiler) -> str:
    """The facts, each with its contact's zone where that is needed."""
    return "facts LEFT JOIN zones USING contact" if c.uses_zones else "facts"


def accounts(c: Compiler) -> str:
    """The table `accounts`: what groups stated of each account, whoever's records they were."""
    stated = f"stated('account', traits, at, place, {c.params.add(sorted(c.paths), 'Array(String)')})"
    return (
        f"  accounts AS (SELECT group_id AS account, groupArrayArray({stated}) AS account_said"
        " FROM facts WHERE type = 'group' GROUP BY group_id)"
    )


def people(c: Compiler, rows: str) -> str:
    """The table `people`, of rows of facts."""
    keys = ["contact", "zone"] if c.uses_zones else ["contact"]
    columns = [*keys, *(f"{sql} AS {name}" for sql, name in c.aggregates.items())]
    if c.paths:
        columns.append(f"arraySort({_stated(c, sorted(c.paths))}) AS said")
    if c.uses_accounts:
        columns.append("argMaxIf(group_id, (at, place), type = 'group') AS account")
        columns.append(f"groupArrayIf({_JOINED}, type = 'group') AS joined")
    table = f"SELECT {', '.join(columns)} FROM {rows} GROUP BY {', '.join(keys)}"
    if c.uses_accounts:
        said = "arraySort(arrayConcat(said, joined, account_said)) AS said"
        table = f"SELECT * EXCEPT (said, joined, account_said), {said} FROM ({table}) AS told"
        table += " LEFT JOIN accounts USING account"
    return f"  people AS ({table})"


def _stated(c: Compiler, paths: list[str]) -> str:
    placeholder = c.params.add(paths, "Array(String)")
    return f"groupArrayArrayIf(stated('', traits, at, place, {placeholder}), type = 'identify')"
