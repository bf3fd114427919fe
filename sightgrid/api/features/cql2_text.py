"""CQL2 as text, turned into CQL2 as JSON.

Read from left to right in one pass: how long it takes grows with the length of the text, whatever the text.
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

import shapely
from shapely.errors import GEOSException

MOST_DEPTH = 50
COMPARISONS = ("=", "<>", "<", ">", "<=", ">=")
SHAPES = (
    "POINT", "LINESTRING", "POLYGON", "MULTIPOINT", "MULTILINESTRING", "MULTIPOLYGON", "GEOMETRYCOLLECTION",
)  # fmt: skip
WORDS = {
    "AND", "OR", "NOT", "LIKE", "BETWEEN", "IN", "IS", "NULL", "TRUE", "FALSE", "DATE", "TIMESTAMP", "S_INTERSECTS",
    "BBOX", *SHAPES,
}  # fmt: skip
TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))
    | '(?P<text>(?:[^'\\]|''|\\'|\\(?!'))*)'
    | "(?P<quoted>(?:[^"]|"")+)"
    | (?P<name>[^\W\d][\w.:]*)
    | (?P<sign><>|<=|>=|[=<>(),])
    )""",
    re.VERBOSE,
)


class CQL2Error(ValueError):
    """The text is not CQL2 as it is supported here."""


class Token(NamedTuple):
    """One word of the text: `kind` is number, text, name, word, sign or end."""

    kind: str
    value: Any
    start: int
    end: int


def parse_text(text: str) -> Any:
    """Read a condition.

    Parameters
    ----------
    text : str
        CQL2 text: comparisons, ``LIKE``, ``BETWEEN``, ``IN``, ``IS NULL``, ``S_INTERSECTS``, joined by ``AND``, ``OR``
        and ``NOT``.

    Returns
    -------
    Any
        The same as JSON has it.

    Raises
    ------
    CQL2Error
        With what was expected, and where.

    Examples
    --------
    >>> parse_text("kind = 'ptz' AND tilt_deg < -5")["op"]
    'and'
    """
    reader = _Reader(text)
    expression = reader.read_condition(0)
    reader.take("end", None, "AND, OR or the end")
    return expression


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = _split(text)
        self.place = 0

    def fail(self, expected: str) -> CQL2Error:
        return CQL2Error(f"expected {expected} at character {self.tokens[self.place].start + 1}")

    def look(self, kind: str, value: Any = None) -> bool:
        token = self.tokens[self.place]
        return token.kind == kind and (value is None or token.value == value)

    def skip(self, kind: str, value: Any) -> bool:
        if self.look(kind, value):
            self.place += 1
            return True
        return False

    def take(self, kind: str, value: Any, expected: str) -> Token:
        if not self.look(kind, value):
            raise self.fail(expected)
        self.place += 1
        return self.tokens[self.place - 1]

    def read_condition(self, depth: int) -> Any:
        if depth > MOST_DEPTH:
            raise CQL2Error(f"is nested more than {MOST_DEPTH} deep")
        return self._read_joined("OR", lambda: self._read_joined("AND", lambda: self._read_factor(depth)))

    def _read_joined(self, word: str, read: Any) -> Any:
        parts = [read()]
        while self.skip("word", word):
            parts.append(read())
        return parts[0] if len(parts) == 1 else {"op": word.lower(), "args": parts}

    def _read_factor(self, depth: int) -> Any:
        turned = 0
        while self.skip("word", "NOT"):
            turned += 1
        if turned > MOST_DEPTH:
            raise CQL2Error(f"is nested more than {MOST_DEPTH} deep")
        condition = self._read_primary(depth)
        for _ in range(turned):
            condition = {"op": "not", "args": [condition]}
        return condition

    def _read_primary(self, depth: int) -> Any:
        if self.skip("sign", "("):
            condition = self.read_condition(depth + 1)
            self.take("sign", ")", "AND, OR or )")
            return condition
        if self.skip("word", "S_INTERSECTS"):
            self.take("sign", "(", "(")
            first = self._read_place()
            self.take("sign", ",", "a comma")
            second = self._read_place()
            self.take("sign", ")", ")")
            return {"op": "s_intersects", "args": [first, second]}
        left = self._read_operand()
        if isinstance(left, bool) and not self._sees_comparison():
            return left
        return self._read_predicate(left)

    def _sees_comparison(self) -> bool:
        return any(self.look("sign", sign) for sign in COMPARISONS) or any(
            self.look("word", word) for word in ("NOT", "LIKE", "BETWEEN", "IN", "IS")
        )

    def _read_predicate(self, left: Any) -> Any:
        for sign in COMPARISONS:
            if self.skip("sign", sign):
                return {"op": sign, "args": [left, self._read_operand()]}
        if self.skip("word", "IS"):
            turned = self.skip("word", "NOT")
            self.take("word", "NULL", "NULL")
            return _turn({"op": "isNull", "args": [left]}, turned=turned)
        turned = self.skip("word", "NOT")
        if self.skip("word", "LIKE"):
            return _turn({"op": "like", "args": [left, self._read_operand()]}, turned=turned)
        if self.skip("word", "BETWEEN"):
            low = self._read_operand()
            self.take("word", "AND", "AND")
            return _turn({"op": "between", "args": [left, low, self._read_operand()]}, turned=turned)
        if self.skip("word", "IN"):
            self.take("sign", "(", "(")
            values = [self._read_operand()]
            while self.skip("sign", ","):
                values.append(self._read_operand())
            self.take("sign", ")", "a comma or )")
            return _turn({"op": "in", "args": [left, values]}, turned=turned)
        raise self.fail("a comparison")

    def _read_operand(self) -> Any:
        token = self.tokens[self.place]
        if token.kind in {"number", "text"}:
            self.place += 1
            return token.value
        if token.kind == "name":
            self.place += 1
            if self.look("sign", "("):
                raise CQL2Error(f"the function {token.value} is not supported")
            return {"property": token.value}
        if token.kind == "word" and token.value in {"TRUE", "FALSE", "DATE", "TIMESTAMP"}:
            self.place += 1
            if token.value in {"TRUE", "FALSE"}:
                return token.value == "TRUE"
            self.take("sign", "(", "(")
            value = self.take("text", None, "a time in quotes").value
            self.take("sign", ")", ")")
            return {token.value.lower(): value}
        raise self.fail("a property or a value")

    def _read_place(self) -> Any:
        token = self.tokens[self.place]
        if token.kind == "name":
            return self._read_operand()
        if token.kind != "word" or token.value not in {*SHAPES, "BBOX"}:
            raise self.fail("a property or a shape")
        while self.look("word"):  # a collection names its parts
            self.place += 1
            self._skip_brackets()
        text = self.text[token.start : self.tokens[self.place - 1].end]
        try:
            if token.value == "BBOX":
                return {"bbox": [float(side) for side in text.partition("(")[2].removesuffix(")").split(",")]}
            return json.loads(shapely.to_geojson(shapely.from_wkt(text)))
        except (GEOSException, ValueError):
            raise CQL2Error(f"cannot read the {token.value} at character {token.start + 1}") from None

    def _skip_brackets(self) -> None:
        """Go behind the bracket that closes the one here; nothing but coordinates and shapes may stand between."""
        self.skip("name", "Z")
        depth, first = 0, True
        while first or depth:
            first = False
            if self.skip("sign", "("):
                depth += 1
            elif depth and self.skip("sign", ")"):
                depth -= 1
            elif depth and (self.look("number") or self.look("sign", ",") or self._sees_shape()):
                self.place += 1
            else:
                raise self.fail("coordinates in brackets")
            if depth > MOST_DEPTH:
                raise CQL2Error(f"is nested more than {MOST_DEPTH} deep")

    def _sees_shape(self) -> bool:
        return any(self.look("word", shape) for shape in SHAPES)


def _turn(predicate: Any, *, turned: bool) -> Any:
    return {"op": "not", "args": [predicate]} if turned else predicate


def _split(text: str) -> list[Token]:
    tokens, place = [], 0
    end = len(text.rstrip())
    while place < end:
        found = TOKEN.match(text, place)
        if found is None:
            start = place + len(text[place:]) - len(text[place:].lstrip())
            raise CQL2Error(f"cannot read what stands at character {start + 1}")
        kind = str(found.lastgroup)
        tokens.append(_make_token(kind, found.group(kind), found.end() - len(found.group().lstrip()), found.end()))
        place = found.end()
    return [*tokens, Token("end", None, end, end)]


def _make_token(kind: str, value: str, start: int, end: int) -> Token:
    if kind == "number":
        number = float(value)
        whole = re.fullmatch(r"[+-]?\d{1,15}", value)
        return Token("number", int(value) if whole else number, start, end)
    if kind == "text":
        return Token("text", re.sub(r"''|\\'", "'", value), start, end)
    if kind == "quoted":
        return Token("name", value.replace('""', '"'), start, end)
    word = value.upper()
    return Token("word", word, start, end) if word in WORDS else Token(kind, value, start, end)
