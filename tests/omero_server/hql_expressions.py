"""Expressions of HQL, turned into functions of a row: which object each name of the query stands for."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from omero_server import schema
from omero_server.hql_tokens import Tokens
from omero_server.records import Record

if TYPE_CHECKING:
    from omero_server.hql_paths import Paths

Row = Mapping[str, Any]
Expression = Callable[[Row], Any]

AGGREGATES = {"count", "max", "min", "sum", "avg", "minindex", "maxindex"}
_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
_SUMS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "||": lambda left, right: f"{left}{right}",
}
_CONSTANTS = {"true": True, "false": False, "null": None}
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "lower": lambda text: None if text is None else text.lower(),
    "upper": lambda text: None if text is None else text.upper(),
    "length": lambda text: None if text is None else len(text),
    "size": len,
    "elements": lambda found: found,
    "abs": abs,
    "str": str,
    "type": schema.java_name,
    "coalesce": lambda *found: next((value for value in found if value is not None), None),
}


class Aggregate:
    """An expression of many rows."""

    def __init__(self, name: str, of: Expression, *, distinct: bool, position: Callable[[Any], Any]) -> None:
        self._name = name
        self._of = of
        self._distinct = distinct
        self._position = position

    def __call__(self, row: Row) -> Any:
        return self.over([row])

    def over(self, rows: list[Row]) -> Any:
        """Return its value."""
        found = [value for value in (self._of(row) for row in rows) if value is not None]
        if self._name.endswith("index"):
            found = [self._position(value) for value in found]
        if self._distinct:
            found = list({comparable(value): value for value in found}.values())
        if self._name == "count" or not found:
            return len(found) if self._name == "count" else None
        if self._name == "avg":
            return sum(found) / len(found)
        if self._name == "sum":
            return sum(found)
        return max(found) if self._name.startswith("max") else min(found)


def comparable(value: Any) -> Any:
    """Return what an object is compared by: its id."""
    return value.id if isinstance(value, Record) else value


def _flat(value: Any) -> list[Any]:
    if isinstance(value, list | tuple | set):
        return [inner for item in value for inner in _flat(item)]
    return [comparable(value)]


class Expressions:
    """Reads expressions."""

    def __init__(self, tokens: Tokens, paths: Paths) -> None:
        self._tokens = tokens
        self._paths = paths

    def list(self) -> list[Expression]:
        """Read expressions with commas between them."""
        found = [self.one()]
        while self._tokens.took(","):
            found.append(self.one())
        return found

    def one(self) -> Expression:
        """Read one."""
        left = self._and()
        while self._tokens.took("or"):
            left = _either(left, self._and())
        return left

    def _and(self) -> Expression:
        left = self._not()
        while self._tokens.took("and"):
            left = _both(left, self._not())
        return left

    def _not(self) -> Expression:
        if self._tokens.took("not"):
            return _negated(self._not())
        return self._comparison()

    def _comparison(self) -> Expression:
        if self._tokens.took("exists"):
            found = self._term()
            return lambda row: bool(found(row))
        left = self._sum()
        is_negated = bool(self._tokens.took("not"))
        condition = self._condition(left)
        if condition is None:
            return left
        return _negated(condition) if is_negated else condition

    def _condition(self, left: Expression) -> Expression | None:
        word = self._tokens.peek()
        if word in _COMPARISONS:
            self._tokens.take()
            return _compared(_COMPARISONS[word], left, self._sum())
        if self._tokens.took("like"):
            return _like(left, self._sum())
        if self._tokens.took("in"):
            among = self._term()
            return lambda row: comparable(left(row)) in _flat(among(row))
        if self._tokens.took("is"):
            is_negated = bool(self._tokens.took("not"))
            if not self._tokens.took("null", "empty"):
                raise self._tokens.error(f"expected null, found {self._tokens.peek()!r}")
            return lambda row: (left(row) in (None, [])) is not is_negated
        if self._tokens.took("between"):
            low = self._sum()
            self._tokens.expect("and")
            high = self._sum()
            return lambda row: left(row) is not None and low(row) <= left(row) <= high(row)
        return None

    def _sum(self) -> Expression:
        left = self._term()
        while self._tokens.peek() in _SUMS:
            left = _combined(_SUMS[self._tokens.take()], left, self._term())
        return left

    def _term(self) -> Expression:
        word = self._tokens.take()
        lower = word.lower()
        if word == "(":
            return self._bracket()
        if word == "-":
            inner = self._term()
            return lambda row: -inner(row)
        if word == "*":
            return lambda _: 1
        if word[0] == ":":
            return self._paths.parameter(word[1:])
        if word[0] == "'":
            return _constant(word[1:-1].replace("''", "'"))
        if word[0].isdigit():
            return _constant(float(word) if "." in word else int(word))
        if lower == "case":
            return self._case()
        if lower in _CONSTANTS:
            return _constant(_CONSTANTS[lower])
        if self._tokens.took("("):
            return self._function(lower)
        return self._paths.read(word)

    def _case(self) -> Expression:
        cases: list[tuple[Expression, Expression]] = []
        while self._tokens.took("when"):
            condition = self.one()
            self._tokens.expect("then")
            cases.append((condition, self.one()))
        otherwise = self.one() if self._tokens.took("else") else _constant(None)
        self._tokens.expect("end")
        return lambda row: next((value(row) for holds, value in cases if holds(row)), otherwise(row))

    def _bracket(self) -> Expression:
        if self._tokens.peek() in {"select", "from"}:
            return self._paths.inner(self._tokens.inner_query())
        found = self.list()
        self._tokens.expect(")")
        return found[0] if len(found) == 1 else lambda row: [one(row) for one in found]

    def _function(self, name: str) -> Expression:
        distinct = bool(self._tokens.took("distinct"))
        arguments = [] if self._tokens.peek() == ")" else self.list()
        self._tokens.expect(")")
        if name in AGGREGATES:
            return Aggregate(name, arguments[0], distinct=distinct, position=self._paths.position)
        if name == "index":
            return lambda row: self._paths.position(arguments[0](row))
        if name not in _FUNCTIONS:
            raise self._tokens.error(f"no such function: {name}")
        function = _FUNCTIONS[name]
        return lambda row: function(*(argument(row) for argument in arguments))


def _constant(value: Any) -> Expression:
    return lambda _: value


def _either(left: Expression, right: Expression) -> Expression:
    return lambda row: left(row) or right(row)


def _both(left: Expression, right: Expression) -> Expression:
    return lambda row: left(row) and right(row)


def _negated(inner: Expression) -> Expression:
    return lambda row: not inner(row)


def _combined(function: Callable[[Any, Any], Any], left: Expression, right: Expression) -> Expression:
    return lambda row: function(left(row), right(row))


def _compared(function: Callable[[Any, Any], Any], left: Expression, right: Expression) -> Expression:
    def holds(row: Row) -> bool:
        ours, theirs = _flat(left(row)), _flat(right(row))
        if not ours or not theirs or None in (ours[0], theirs[0]):
            return False
        return bool(function(ours[0], theirs[0]))

    return holds


def _like(left: Expression, right: Expression) -> Expression:
    def holds(row: Row) -> bool:
        text, wanted = left(row), right(row)
        if text is None or wanted is None:
            return False
        pattern = "".join(".*" if c == "%" else "." if c == "_" else re.escape(c) for c in wanted)
        return re.fullmatch(pattern, text, re.DOTALL) is not None

    return holds
