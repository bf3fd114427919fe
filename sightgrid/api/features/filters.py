"""Conditions in CQL2 as conditions of the database: typed columns, bound values, the same rows on both databases."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from sightgrid.api.features.areas import find_box, read_area
from sightgrid.api.features.cql2_text import COMPARISONS, CQL2Error, parse_text
from sightgrid.api.features.parameters import Interval, parse_day, parse_time, shorten
from sightgrid.api.problems import Problem
from sightgrid.store.intersection import intersects
from sightgrid.store.layer_tables import TIMES, kept_columns

if TYPE_CHECKING:
    from collections.abc import Callable

    from sightgrid.api.features.areas import Question
    from sightgrid.store.layers import Box

    Condition = sa.ColumnElement[bool]

MOST_CHARACTERS = 30_000
MOST_DEPTH = 50
MOST_CONDITIONS = 200
MOST_VALUES = 5000
MOST_PATTERN = 1000
GEOMETRY = "geometry"
ID = "id"
KINDS = {"text": "text", "number": "number", "whole": "number", "flag": "flag"}
FLIPPED = {"=": "=", "<>": "<>", "<": ">", ">": "<", "<=": ">=", ">=": "<="}
GLOB = str.maketrans({"*": "[*]", "?": "[?]", "[": "[[]"})


class Operand(NamedTuple):
    """A property or a value: its kind (text, number, flag, time, day), and what the database compares."""

    kind: str
    column: sa.ColumnElement[Any]
    day: Interval | None = None


class Answer(NamedTuple):
    """A filter as a condition for a table, and a box that all it lets through touch (None: anywhere)."""

    where: Callable[[sa.Table], Condition]
    box: Box | None


def list_properties(layer: str) -> dict[str, str]:
    """Return the properties of a layer that a filter can use, and their kinds."""
    times = TIMES.get(layer, {})
    kept = {column.name: KINDS[column.dtype] for column in kept_columns(layer) if column.name not in times.values()}
    return {ID: "text", **kept, **dict.fromkeys(times, "time"), GEOMETRY: GEOMETRY}


def parse_filter(text: str, language: str, question: Question) -> Answer:
    """Turn a filter of a request into a condition.

    Raises
    ------
    Problem
        400: it cannot be read, names what is not there, or compares what cannot be compared.
    """
    if len(text) > MOST_CHARACTERS:
        raise Problem(400, f"filter: is longer than {MOST_CHARACTERS} characters")
    try:
        expression = parse_text(text) if language == "cql2-text" else json.loads(text, parse_constant=_refuse)
        _check_size(expression)
    except CQL2Error as error:
        raise Problem(400, f"filter: {error}") from None
    except (ValueError, RecursionError):
        raise Problem(400, "filter: is not JSON") from None
    _Builder(question, None).build(expression)  # what is wrong is told before anything is asked
    box = find_box(expression, question)
    return Answer(lambda table: _Builder(question, table).build(expression), box)


def _refuse(_: str) -> Any:
    raise ValueError


def _check_size(expression: Any) -> None:
    level, conditions, values = [expression], 0, 0
    for _ in range(MOST_DEPTH * 2 + 8):  # an operation and its arguments each; and what a shape has
        if not level:
            return
        below: list[Any] = []
        for node in level:
            if isinstance(node, dict):
                conditions += "op" in node
                below += [value for name, value in node.items() if name != "coordinates"]
            elif isinstance(node, list):
                values += len(node)
                below += node
            elif isinstance(node, str) and any(sign == "\0" or "\ud800" <= sign <= "\udfff" for sign in node):
                raise CQL2Error("holds characters that are none")
        level = below
        if conditions > MOST_CONDITIONS or values > MOST_VALUES:
            raise CQL2Error(f"has more than {MOST_CONDITIONS} conditions or {MOST_VALUES} values")
    raise CQL2Error(f"is nested more than {MOST_DEPTH} deep")


class _Builder:
    """Makes the condition for one table; None stands for any, to find out what is wrong."""

    def __init__(self, question: Question, table: sa.Table | None) -> None:
        self.question = question
        self.table = table
        self.properties = list_properties(question.layer)
        self.sqlite = question.database.path is not None

    def build(self, node: Any) -> Condition:
        if isinstance(node, bool):
            return sa.true() if node else sa.false()
        if not isinstance(node, dict) or not isinstance(node.get("op"), str) or not isinstance(node.get("args"), list):
            raise Problem(400, "filter: must be a condition, such as kind = 'ptz'")
        op, args = node["op"], node["args"]
        if op in {"and", "or"}:
            if len(args) < 2:  # noqa: PLR2004  (else nothing is joined)
                raise Problem(400, f"filter: {op} joins two conditions or more")
            return (sa.and_ if op == "and" else sa.or_)(*(self.build(part) for part in args))
        build = {
            "not": self._build_not, "isNull": self._build_null, "like": self._build_like,
            "between": self._build_between, "in": self._build_in, "s_intersects": self._build_intersects,
        }.get(op)  # fmt: skip
        sizes = {"not": 1, "isNull": 1, "between": 3}
        if build is None and op not in COMPARISONS:
            raise Problem(400, f"filter: {shorten(op)} is not supported; /conformance lists what is")
        if len(args) != sizes.get(op, 2):
            raise Problem(400, f"filter: {op} takes {sizes.get(op, 2)} arguments")
        return build(args) if build else self._compare(op, self._read(args[0]), self._read(args[1]))

    def _build_not(self, args: list[Any]) -> Condition:
        return sa.not_(self.build(args[0]))

    def _build_null(self, args: list[Any]) -> Condition:
        if not isinstance(args[0], dict) or "property" not in args[0]:
            raise Problem(400, "filter: IS NULL is asked of a property")
        if args[0]["property"] == GEOMETRY:
            return sa.false()
        return self._read(args[0]).column.is_(None)

    def _build_like(self, args: list[Any]) -> Condition:
        left, pattern = self._read(args[0]), args[1]
        if left.kind != "text" or not isinstance(pattern, str):
            raise Problem(400, "filter: LIKE compares a text with a pattern")
        if len(pattern) > MOST_PATTERN:
            raise Problem(400, f"filter: a pattern has at most {MOST_PATTERN} characters")
        signs = _read_pattern(pattern)
        if self.sqlite:  # where LIKE does not tell capital letters from small ones
            globs = {"%": "*", "_": "?"}
            glob = "".join(globs[sign] if wild else sign.translate(GLOB) for sign, wild in signs)
            return left.column.bool_op("GLOB")(sa.literal(glob))
        like = "".join(sign if wild or sign not in "%_\\" else f"\\{sign}" for sign, wild in signs)
        return left.column.like(sa.literal(like), escape="\\")

    def _build_between(self, args: list[Any]) -> Condition:
        value, low, high = map(self._read, args)
        if {value.kind, low.kind, high.kind} != {"number"}:
            raise Problem(400, "filter: BETWEEN compares numbers")
        return sa.and_(value.column >= low.column, value.column <= high.column)

    def _build_in(self, args: list[Any]) -> Condition:
        if not isinstance(args[1], list) or not args[1]:
            raise Problem(400, "filter: IN takes a list of values")
        left = self._read(args[0])
        values = [self._read(value) for value in args[1]]
        if left.kind == "time" and len(values) > MOST_CONDITIONS:
            raise Problem(400, f"filter: IN takes at most {MOST_CONDITIONS} times")
        if left.kind == "time":
            return sa.or_(*(self._compare("=", left, value) for value in values))
        if {value.kind for value in values} != {left.kind} or any(isinstance(each, dict) for each in args[1]):
            raise Problem(400, f"filter: IN takes values of one kind, here {left.kind}")
        return left.column.in_([each if left.kind != "number" else float(each) for each in args[1]])

    def _build_intersects(self, args: list[Any]) -> Condition:
        places = [arg for arg in args if isinstance(arg, dict) and "property" in arg]
        if len(places) != 1 or not all(isinstance(arg, dict) for arg in args):
            raise Problem(400, "filter: S_INTERSECTS takes a property and a shape")
        if self._find_kind(places[0]) != GEOMETRY:
            raise Problem(400, f"filter: S_INTERSECTS takes the property {GEOMETRY}")
        shapes = read_area(args, self.question)
        if self.table is None or not shapes:
            return sa.false()
        table = self.table
        return sa.or_(*(intersects(self.question.database, table, shape) for shape in shapes))

    def _compare(self, op: str, left: Operand, right: Operand) -> Condition:
        kinds = {left.kind, right.kind}
        if "day" in kinds and kinds <= {"day", "time"}:
            return self._compare_day(op, left, right)
        if len(kinds) != 1:
            raise Problem(400, f"filter: {op} compares a {left.kind} with a {right.kind}")
        if kinds == {"flag"} and op not in {"=", "<>"}:
            raise Problem(400, f"filter: {op} does not compare true and false")
        one, other = left.column, right.column
        if kinds == {"text"} and not self.sqlite and op not in {"=", "<>"}:
            one = sa.collate(one, "C")  # by code points, as SQLite and Python do
        signs: dict[str, Callable[[], Condition]] = {
            "=": lambda: one == other, "<>": lambda: one != other, "<": lambda: one < other,
            ">": lambda: one > other, "<=": lambda: one <= other, ">=": lambda: one >= other,
        }  # fmt: skip
        return signs[op]()

    def _compare_day(self, op: str, left: Operand, right: Operand) -> Condition:
        """Compare with a day as a whole: a time equals the day that it lies in."""
        if right.day is None:
            return self._compare_day(FLIPPED[op], right, left)
        start, end = (sa.literal(at, sa.BigInteger) for at in right.day)
        at = left.column
        within = sa.and_(at >= start, at <= end)
        signs = {
            "=": within, "<>": sa.not_(within), "<": at < start, ">": at > end, "<=": at <= end, ">=": at >= start,
        }  # fmt: skip
        return signs[op]

    def _read(self, node: Any) -> Operand:
        if isinstance(node, str):
            return Operand("text", sa.literal(node, sa.Text))
        if isinstance(node, bool):
            return Operand("flag", sa.literal(node, sa.Boolean))
        if isinstance(node, int | float):
            try:
                number = float(node)
            except OverflowError:
                number = math.inf
            if not math.isfinite(number):
                raise Problem(400, "filter: a number is too large")
            return Operand("number", sa.literal(number, sa.Float(53)))
        if isinstance(node, dict) and "property" in node:
            kind = self._find_kind(node)
            if kind == GEOMETRY:
                raise Problem(400, f"filter: {GEOMETRY} is for S_INTERSECTS only")
            return Operand(kind, self._find_column(node["property"]))
        return _read_time(node)

    def _find_kind(self, node: dict[str, Any]) -> str:
        name = node["property"]
        kind = self.properties.get(name) if isinstance(name, str) else None
        if kind is None or len(node) != 1:
            there = ", ".join(self.properties)
            raise Problem(400, f"filter: there is no property {shorten(str(name))}; there are {there}")
        return kind

    def _find_column(self, name: str) -> sa.ColumnElement[Any]:
        column = "feature_id" if name == ID else TIMES.get(self.question.layer, {}).get(name, name)
        return sa.column(column) if self.table is None else self.table.c[column]


def _read_time(node: Any) -> Operand:
    if isinstance(node, dict) and len(node) == 1:
        ((name, value),) = node.items()
        if name == "timestamp" and isinstance(value, str):
            return Operand("time", sa.literal(parse_time(value, name="filter: a timestamp"), sa.BigInteger))
        if name == "date" and isinstance(value, str):
            day = parse_day(value, name="filter: a date")
            return Operand("day", sa.literal(day.start_us, sa.BigInteger), day)
    raise Problem(400, "filter: compares a property with a text, a number, true or false, or a time")


def _read_pattern(pattern: str) -> list[tuple[str, bool]]:
    """Split a pattern into signs that stand for themselves and wildcards (True)."""
    signs, escaped = [], False
    for sign in pattern:
        if sign == "\\" and not escaped:
            escaped = True
            continue
        signs.append((sign, sign in "%_" and not escaped))
        escaped = False
    if escaped:
        raise Problem(400, "filter: a pattern must not end with a backslash")
    return signs
