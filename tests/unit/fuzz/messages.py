"""What a producer could send: the contract's message with a place of it wrong, and what is no message at all."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, Final

from hypothesis import strategies as st

from tests.unit.fuzz.damage import any_json, damaged, garbled_text, odd_texts
from timbre_producers import EmitRequest

SECRET: Final = "h4nter2h4nter2"
"""Somebody's password, to be seen in no refusal."""

MESSAGE: Final[Mapping[str, Any]] = {
    "version": 1,
    "request_id": str(uuid.UUID(int=7)),
    "account": "acme",
    "kind": "invoice",
    "document_ids": ["501", "502", "0198c4a1-77aa-7c3e-9d1f-2b6a5c4d3e2f"],
    "requested_by": "ana@store/checkout",
    "priority": "high",
    "not_before": "2026-03-02T09:00:00-05:00",
    "force": {"reason": "the certificate was renewed"},
    "callback_url": f"https://billing.example.com/timbre?token={SECRET}",
    "validate": False,
    "email": True,
}
FIELDS: Final = tuple(field.alias or name for name, field in EmitRequest.model_fields.items())

_ids = st.one_of(
    st.integers(-1, 10**40),
    st.sampled_from(["501", " 501 ", "501\n", "F-7", "5/1", "٥٠١", "５０１", "x" * 36, "x" * 37, "", "-", "501,502"]),
    st.text(max_size=4),
)
_moments = st.one_of(
    st.datetimes(timezones=st.none() | st.timezones()).map(str),
    st.sampled_from(
        [
            *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "2026-03-02", "2026-03-02T25:00:00Z"),
            *("2026-03-02T09:00:00", "1772454000", "+1772454000", "1.5", "now", "2026-W10-1T09:00:00Z"),
            *("2026-03-02T09:00:00+99:99", "2026-03-02t09:00:00z", "2026-03-02T23:59:60Z", "-2026-03-02T09:00:00Z"),
        ]
    ),
)
_addresses = st.one_of(
    st.sampled_from(
        [
            *("http://x", "HTTPS://BÜCHER.example/ñ", "http://[::1]:8080/", "http://[::1", "http://x:99999/"),
            *("ftp://x", "javascript:alert(1)", "//x", "http:///", "http://x y/", "http://x\n", "http://" + "a" * 3000),
            *(f"https://ana:{SECRET}@example.com/", f"https://{SECRET}@example.com", f"https//ana:{SECRET}@h"),
        ]
    ),
    garbled_text(f"https://ana:{SECRET}@example.com/timbre"),
)
_likely: Final[Mapping[str, st.SearchStrategy[Any]]] = {
    "version": st.sampled_from([1, "1", 1.0, True, 2, 0, None]),
    "request_id": st.uuids().map(str) | st.sampled_from([f"{{{uuid.UUID(int=7)}}}", f"urn:uuid:{uuid.UUID(int=7)}", 7]),
    "account": st.sampled_from(["acme", "default", " acme", "acme\n", ".acme", "a" * 63, "a" * 64, "Ácme", ""]),
    "kind": st.sampled_from(["invoice", "credit_note", "credit-note", "Invoice", "x" * 39, "x" * 40, "invoice\n"]),
    "document_ids": st.lists(_ids, max_size=6) | _ids,
    "requested_by": st.sampled_from(["x" * 120, "x" * 121, " ", "a\nb", "a\x85b", "a\u2028b", "\u202eevil", "ñ"]),
    "priority": st.sampled_from(["normal", "high", "HIGH", "urgent", 1, None]),
    "not_before": _moments,
    "force": st.fixed_dictionaries(
        {}, optional={"reason": st.sampled_from(["abc", "ab", "x" * 501, "a\nb", None, 7]), "password": st.just(SECRET)}
    )
    | st.sampled_from([True, "please", None, []]),
    "callback_url": _addresses,
    "validate": st.sampled_from([True, False, "false", 0, 1, None]),
    "email": st.sampled_from([True, False, "true", 0, 1, None]),
}
_unlikely = any_json | odd_texts

messages = st.one_of(
    st.builds(
        lambda changes: {**MESSAGE, **changes},
        st.lists(st.sampled_from(FIELDS).flatmap(lambda name: st.tuples(st.just(name), _likely[name])), max_size=3).map(
            dict
        ),
    ),
    damaged(dict(MESSAGE), names=(*FIELDS, "token", "password", "callback"), other=_unlikely),
    any_json,
)
"""Messages of which about a third can be accepted."""

calls: st.SearchStrategy[tuple[list[Any], dict[str, Any]]] = st.one_of(
    messages.map(lambda message: ([message], {})),
    messages.map(lambda message: ([], {"message": message})),
    messages.map(lambda message: ([message, message], {})),
    messages.filter(lambda message: isinstance(message, dict)).map(lambda message: ([], message)),
    st.tuples(st.lists(any_json, max_size=3), st.dictionaries(st.text(max_size=8), any_json, max_size=3)),
)
"""Arguments and named arguments of the task, as they come out of the broker."""
