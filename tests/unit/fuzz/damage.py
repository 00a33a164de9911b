"""Damage to things of the right shape: one place of them replaced, removed, repeated or renamed; and plain garbage."""

from __future__ import annotations

import copy
import json
from typing import Any, Final

from hypothesis import strategies as st

ODD_TEXTS: Final = (
    *("", " ", "501", "0", "-1", "1e400", "NaN", "null", "true", "<html>", "{}", "draft", "void", "\n", "501\n"),
    *("STAMPED_AND_REJECTED", "0000-00-00", "2026-02-30", "9999-12-31 23:59:60", "٥٠١", "５０１"),
    *("\x00", "\x1b[31m", "\u202e", "\u2028", "\ud800", "é" * 300, "9" * 5000),
)
odd_texts = st.sampled_from(ODD_TEXTS)
_odd_numbers = st.sampled_from([0, -1, 501, 10**400, -(10**30), 1e308, float("nan"), float("inf"), 0.1, 1e-320])
scalars = st.none() | st.booleans() | _odd_numbers | st.integers() | st.floats() | odd_texts | st.text(max_size=20)
any_json = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@st.composite
def damaged(draw: st.DrawFn, value: Any, *, names: tuple[str, ...] = ("x",), other: st.SearchStrategy[Any]) -> Any:
    """The value with one to three places of it damaged; `names` are what a key may be renamed to."""
    spoilt = copy.deepcopy(value)
    for _ in range(draw(st.integers(1, 3))):
        spoilt = _changed(draw, spoilt, names, other)
    return spoilt


def _changed(draw: st.DrawFn, value: Any, names: tuple[str, ...], other: st.SearchStrategy[Any]) -> Any:
    if isinstance(value, dict) and value and draw(st.integers(0, 9)):
        key = draw(st.sampled_from(sorted(value)))
        match draw(st.integers(0, 6)):
            case 0:
                return {name: each for name, each in value.items() if name != key}
            case 1:
                return {**value, draw(st.sampled_from(names)): draw(other)}
            case 2:
                renamed = draw(st.sampled_from(names) | st.sampled_from([key.upper(), f"{key}s", f" {key}"]))
                return {renamed if name == key else name: each for name, each in value.items()}
            case _:
                return {**value, key: _changed(draw, value[key], names, other)}
    if isinstance(value, list) and value and draw(st.integers(0, 9)):
        place = draw(st.integers(0, len(value) - 1))
        match draw(st.integers(0, 5)):
            case 0:
                return [*value[:place], *value[place + 1 :]]
            case 1:
                return [*value, copy.deepcopy(value[place])]
            case _:
                return [*value[:place], _changed(draw, value[place], names, other), *value[place + 1 :]]
    if isinstance(value, str) and draw(st.booleans()):
        return draw(garbled_text(value))
    return draw(other)


def garbled_text(text: str) -> st.SearchStrategy[str]:
    """The text with a part of it cut off, doubled, or written over."""
    place = st.integers(0, len(text))
    return st.one_of(
        place.map(lambda end: text[:end]),
        place.map(lambda start: text[start:]),
        st.builds(lambda at, more: text[:at] + more + text[at:], place, odd_texts | st.characters()),
        st.builds(lambda at, more: text[:at] + more + text[at + 1 :], place, st.characters()),
        st.sampled_from([text.upper(), text.lower(), text.swapcase(), f" {text} ", f"{text}\n", text * 2]),
    )


def encoded(value: object) -> bytes:
    """As JSON, even where JSON has no word for it."""
    return json.dumps(value).encode()


def garbled_bytes(*bodies: bytes) -> st.SearchStrategy[bytes]:
    """One of these cut off, or with some bytes written over."""
    body, place = st.sampled_from(bodies), st.integers(0, max(map(len, bodies)))
    return st.one_of(
        st.builds(lambda body, end: body[:end], body, place),
        st.builds(
            lambda body, at, part: body[:at] + part + body[at + len(part) :],
            body,
            place,
            st.binary(min_size=1, max_size=4),
        ),
    )
