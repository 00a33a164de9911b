"""The sandbox's own side of HTTP, under `/_sandbox`: accounts, drafts, faults, the clock, and the judge's ledger."""

from __future__ import annotations

import copy
import json
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Annotated, Any, Final, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from worker.sandbox.accounts import Account
from worker.sandbox.documents import Document
from worker.sandbox.endpoints import BASE
from worker.sandbox.fault_list import FAULTS
from worker.sandbox.flaws import put
from worker.sandbox.kinds import INVOICE, KINDS, Kind
from worker.sandbox.numbering import NumbersExhausted
from worker.sandbox.stamping import Stamping
from worker.sandbox.stats import Stats
from worker.sandbox.view import to_bytes
from worker.sandbox.world import Missing, World, WrongRequest

PREFIX: Final = "/_sandbox"


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class AccountBody(_Body):
    """POST accounts: a new account, or new settings for one that exists."""

    name: str
    country: str
    email: Annotated[str, Field(min_length=1)] | None = None
    token: Annotated[str, Field(min_length=1)] | None = None
    limit: Annotated[int, Field(ge=1)] | None = None
    window: Annotated[float, Field(gt=0)] | None = None
    numbers_left: Annotated[int, Field(ge=0)] | None = None


class DraftsBody(_Body):
    """POST drafts."""

    account: str
    count: int
    mix: dict[str, Any] = {}
    numbering: str | None = None
    kind: str = INVOICE.name
    refers_to: list[str] = []
    issued: Annotated[date, Field(strict=False)] | None = None


class AdvanceBody(_Body):
    """POST clock/advance."""

    seconds: Annotated[float, Field(ge=0, le=10 * 366 * 86400)]


class DocumentBody(_Body):
    """POST documents/{account}/{id}: what it will come to, or fields a person changed."""

    outcome: str | dict[str, Any] | None = None
    date: str | None = None
    total: float | None = None
    observations: str | None = None
    client_id: str | None = None
    fields: dict[str, Any] | None = None
    """Any of its fields, by dotted path: `client.email`, `items.0.quantity`."""


def _with_fields(facts: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
    """The document's fields with others at these paths. Raises `WrongRequest`."""
    changed = copy.deepcopy(facts)
    for path, value in fields.items():
        try:
            put(path, value)(changed)
        except (KeyError, IndexError, TypeError, ValueError):
            raise WrongRequest(f"fields: the document has nothing at {path!r}") from None
    return changed


B = TypeVar("B", bound=_Body)
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Control:
    """Every endpoint under `/_sandbox`; no credentials, so it is for loopback."""

    def __init__(self, world: World, stamping: Stamping) -> None:
        self._world = world
        self._stamping = stamping

    def routes(self) -> list[web.RouteDef]:
        """The endpoints, for an aiohttp application."""
        named: tuple[tuple[str, str, _Handler], ...] = (
            ("GET", "", self._greet),
            ("GET", "/faults", self._faults),
            ("PUT", "/faults", self._change_faults),
            ("DELETE", "/faults", self._clear_faults),
            ("GET", "/faults/list", self._fault_list),
            ("POST", "/reset", self._reset),
            ("GET", "/accounts", self._accounts),
            ("POST", "/accounts", self._add_account),
            ("POST", "/drafts", self._add_drafts),
            ("GET", "/documents/{account}", self._documents),
            ("GET", "/documents/{account}/{id}", self._document),
            ("POST", "/documents/{account}/{id}", self._change_document),
            ("POST", "/documents/{account}/{id}/stamp", self._stamp_by_hand),
            ("GET", "/ledger", self._ledger),
            ("GET", "/emails", self._emails),
            ("GET", "/duplicates", self._duplicates),
            ("GET", "/creations", self._creations),
            ("GET", "/calls", self._calls),
            ("GET", "/stats", self._stats),
            ("DELETE", "/stats", self._clear_stats),
            ("GET", "/clock", self._clock),
            ("POST", "/clock/advance", self._advance),
        )
        return [web.route(method, PREFIX + path, _guarded(handler)) for method, path, handler in named]

    async def _greet(self, _: web.Request) -> web.StreamResponse:
        return _json({"sandbox": "Alegra", "api": BASE, "accounts": list(self._world.accounts)})

    async def _faults(self, _: web.Request) -> web.StreamResponse:
        return _json(self._world.faults.as_json())

    async def _change_faults(self, request: web.Request) -> web.StreamResponse:
        changes = await _read(request)
        if not isinstance(changes, dict):
            raise WrongRequest("faults: the body is not an object of names and values")
        self._world.faults.change(changes)
        return _json(self._world.faults.as_json())

    async def _clear_faults(self, _: web.Request) -> web.StreamResponse:
        self._world.faults.clear()
        return _json(self._world.faults.as_json())

    async def _fault_list(self, _: web.Request) -> web.StreamResponse:
        return _json([fault.as_json() for fault in FAULTS.values()])

    async def _reset(self, _: web.Request) -> web.StreamResponse:
        await self._stamping.stop()
        self._world.reset()
        return _json({"reset": True})

    async def _accounts(self, _: web.Request) -> web.StreamResponse:
        return _json([account.described() for account in self._world.accounts.values()])

    async def _add_account(self, request: web.Request) -> web.StreamResponse:
        body = await _body(request, AccountBody)
        credentials = self._world.add_account(**body.model_dump())
        shown = {"account": credentials.account, "email": credentials.email, "token": credentials.token}
        return _json(shown | {"country": credentials.country}, 201)

    async def _add_drafts(self, request: web.Request) -> web.StreamResponse:
        body = await _body(request, DraftsBody)
        documents = self._world.add_drafts(
            body.account,
            body.count,
            mix=body.mix,
            numbering=body.numbering,
            issued=body.issued,
            kind=_kind(body.kind),
            refers_to=body.refers_to,
        )
        for document in documents:
            self._stamping.set_stage(self._world.account(body.account), document)
        ids: dict[str, list[str]] = {}
        for document in documents:
            ids.setdefault(document.outcome.name, []).append(document.id)
        return _json({"ids": [document.id for document in documents], "by_outcome": ids}, 201)

    async def _documents(self, request: web.Request) -> web.StreamResponse:
        account = self._world.account(request.match_info["account"])
        kinds = [_kind(name) for name in request.query.getall("kind", list(KINDS))]
        return _json(
            [self._truth(account, document) for kind in kinds for document in account.shelf(kind).documents.values()]
        )

    async def _document(self, request: web.Request) -> web.StreamResponse:
        account, document = self._named(request)
        return _json(self._truth(account, document))

    async def _change_document(self, request: web.Request) -> web.StreamResponse:
        account, document = self._named(request)
        body = await _body(request, DocumentBody)
        changes = body.model_dump(exclude={"outcome", "client_id", "fields"}, exclude_none=True)
        if body.client_id is not None:
            if body.client_id not in account.contacts:
                raise WrongRequest(f"client_id: {body.client_id!r} is not one of {', '.join(account.contacts)}")
            client = account.contacts[body.client_id]
            changes[document.kind.party] = {key: client.get(key) for key in document.party}
        if body.date is not None:
            changes["date"] = date.fromisoformat(body.date).isoformat()
        if body.fields:
            changes = {**_with_fields(document.facts, body.fields), **changes}
        self._world.plant(account, document, body.outcome, changes)
        return _json(self._truth(account, document))

    async def _stamp_by_hand(self, request: web.Request) -> web.StreamResponse:
        """Somebody presses the button on Alegra's own screen."""
        account, document = self._named(request)
        try:
            self._stamping.execute(account, document, "by hand")
        except NumbersExhausted as error:
            raise WrongRequest(f"numbering: {error} is beyond the authorised range") from error
        return _json(self._truth(account, document))

    async def _ledger(self, request: web.Request) -> web.StreamResponse:
        query = request.query
        entries = self._world.ledger.entries(query.get("account"), query.get("document_id"), query.get("kind"))
        return _json([entry.as_json() for entry in entries])

    async def _emails(self, request: web.Request) -> web.StreamResponse:
        wanted = request.query.get("account")
        return _json([mail for mail in self._world.mails if wanted in (None, mail["account"])])

    async def _duplicates(self, _: web.Request) -> web.StreamResponse:
        return _json(self._world.ledger.duplicates())

    async def _creations(self, request: web.Request) -> web.StreamResponse:
        return _json(self._world.creations.entries(request.query.get("account")))

    async def _calls(self, _: web.Request) -> web.StreamResponse:
        return _json([call.as_json() for call in self._world.stats.calls])

    async def _stats(self, _: web.Request) -> web.StreamResponse:
        return _json({**self._world.stats.as_json(), "executed": len(self._world.ledger)})

    async def _clear_stats(self, _: web.Request) -> web.StreamResponse:
        self._world.stats = Stats()
        return _json(self._world.stats.as_json())

    async def _clock(self, _: web.Request) -> web.StreamResponse:
        return _json({"now": self._world.clock.now(), "advanced": self._world.clock.offset})

    async def _advance(self, request: web.Request) -> web.StreamResponse:
        body = await _body(request, AdvanceBody)
        now = await self._world.advance(body.seconds)
        return _json({"now": now, "advanced": self._world.clock.offset})

    def _named(self, request: web.Request) -> tuple[Account, Document]:
        name, document_id = request.match_info["account"], request.match_info["id"]
        kind = _kind(request.query.get("kind", INVOICE.name))
        return self._world.account(name), self._world.document(name, document_id, kind)

    def _truth(self, account: Account, document: Document) -> dict[str, Any]:
        """Everything there is to know, hidden or not; `shown` is what a read gives."""
        now = self._world.clock.now()
        emission = document.emission
        return {
            "account": account.name,
            "kind": document.kind.name,
            "id": document.id,
            "status": document.status,
            "number": document.full_number,
            "code": None if emission is None else emission.code,
            "legal_status": None if emission is None else emission.legal_status(now),
            "verdict": None if emission is None else emission.verdict,
            "executions": document.executions,
            "outcome": document.outcome.as_json(),
            "shown": json.loads(self._world.viewer.bytes_of(document, now)),
        }


def _guarded(handler: _Handler) -> _Handler:
    """A refusal is a 400 (or 404) with the sentence."""

    async def serve(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except Missing as error:
            return _json({"error": str(error)}, 404)
        except ValidationError as error:
            return _json({"error": _sentence(error)}, 400)
        except ValueError as error:
            return _json({"error": str(error)}, 400)

    return serve


def _kind(name: str) -> Kind:
    kind = KINDS.get(name)
    if kind is None:
        raise WrongRequest(f"kind: {name!r} is not one of {', '.join(KINDS)}")
    return kind


async def _read(request: web.Request) -> Any:
    raw = await request.read()
    try:
        return json.loads(raw or b"{}")
    except (ValueError, RecursionError) as error:
        raise WrongRequest("body: it is not JSON") from error


async def _body(request: web.Request, model: type[B]) -> B:
    return model.model_validate(await _read(request))


def _sentence(error: ValidationError) -> str:
    """The first complaint, with field, value and rule; the value of a token, or of a whole body, is left out."""
    first = error.errors()[0]
    field = ".".join(map(str, first["loc"])) or "body"
    value = "" if "token" in first["loc"] or first["type"] == "missing" else f" {first['input']!r}:"
    return f"{field}:{value} {first['msg']}"


def _json(value: object, status: int = 200) -> web.Response:
    return web.Response(status=status, body=to_bytes(value), content_type="application/json")
