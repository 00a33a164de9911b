"""Alegra's side of the HTTP interface: authentication, quota, and one method per endpoint."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any, Final

from aiohttp import web

from worker.sandbox.accounts import Account
from worker.sandbox.acts import MAILED, VOIDED, ActCalls
from worker.sandbox.answers import Reply, refused, reply
from worker.sandbox.bodies import Unreadable, object_of
from worker.sandbox.creating import Creating
from worker.sandbox.creations import reference_in
from worker.sandbox.documents import Document
from worker.sandbox.kinds import INVOICE, KINDS, Kind, Way
from worker.sandbox.listing import Listing
from worker.sandbox.stamp_calls import StampCalls
from worker.sandbox.stamping import Stamping
from worker.sandbox.view import to_bytes
from worker.sandbox.wire import Errand, Wire
from worker.sandbox.world import World

BASE: Final = "/api/v1"

Understand = Callable[[web.Request, Account], Awaitable[Errand]]
UnderstandKind = Callable[[web.Request, Account, Kind], Awaitable[Errand]]


class Api:
    """Every endpoint under `/api/v1`."""

    def __init__(self, world: World, stamping: Stamping) -> None:
        self._world = world
        self._stamping = stamping
        self._wire = Wire(world)
        self._listing = Listing(world.viewer, world.faults)
        self._creating = Creating(world, stamping)
        self._calls = StampCalls(world, stamping)
        self._acts = ActCalls(world)

    def routes(self) -> list[web.RouteDef]:
        """The endpoints, for an aiohttp application."""
        named: list[tuple[str, str, Understand]] = [
            ("POST", "/invoices/preview", self._preview),
            ("POST", "/invoices/stamp", self._calls.together),
            *(endpoint for kind in KINDS.values() for endpoint in self._of_kind(kind)),
            ("GET", "/company", self._company),
            ("GET", "/number-templates", self._number_templates),
            ("GET", "/users/self", self._user),
            ("GET", "/contacts/{id}", self._contact),
        ]
        return [
            web.route(method, BASE + path, self._door(f"{method} {path}", understand))
            for method, path, understand in named
        ]

    def _of_kind(self, kind: Kind) -> Iterator[tuple[str, str, Understand]]:
        """What every kind has, and how this one is stamped."""
        path = f"/{kind.resource}"
        yield "GET", path, self._where_it_exists(kind, self._list)
        yield "POST", path, self._where_it_exists(kind, self._create)
        yield "GET", f"{path}/{{id}}", self._where_it_exists(kind, self._single)
        yield "DELETE", f"{path}/{{id}}", self._where_it_exists(kind, self._delete)
        if kind.name in VOIDED:
            yield "POST", f"{path}/{{id}}/void", self._where_it_exists(kind, self._acts.void)
            yield "POST", f"{path}/{{id}}/open", self._where_it_exists(kind, self._acts.open)
        if kind.name in MAILED:
            yield "POST", f"{path}/{{id}}/email", self._where_it_exists(kind, self._acts.email)
        yield "PUT", f"{path}/{{id}}", self._where_it_exists(kind, self._calls.edit)
        if kind.way is Way.SINGLE:
            yield "POST", f"{path}/{{id}}/stamp", self._where_it_exists(kind, self._calls.alone)

    def _where_it_exists(self, kind: Kind, understand: UnderstandKind) -> Understand:
        async def guarded(request: web.Request, account: Account) -> Errand:
            if account.nation.iso not in kind.countries:
                return self._answered(refused(404, 404, "Not Found"))
            return await understand(request, account, kind)

        return guarded

    def _door(self, label: str, understand: Understand) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """What every request passes first: credentials, then quota."""
        world = self._world
        limit_headers = ("X-Rate-Limit-Limit", "X-Rate-Limit-Remaining", "X-Rate-Limit-Reset")

        async def serve(request: web.Request) -> web.StreamResponse:
            stats = world.stats
            stats.requests[label] += 1
            account = world.authorized(request.headers.get("Authorization"))
            if account is None:
                limit, window = world.faults.whole("quota_limit"), world.faults.whole("quota_window")
                headers = dict(zip(limit_headers, map(str, (limit, limit, window)), strict=True))
                return self._wire.respond(refused(401, None, "Unauthorized"), headers)
            stats.by_account[account.name] += 1
            now = world.clock.now()
            quota = world.quota_of(account)
            allowed = quota.take(now)
            headers = quota.headers(now)
            if not allowed:
                wait = quota.resets_in(now) if world.faults.switch("retry_after_header") else None
                return self._wire.respond(self._wire.throttled(account.name, wait), headers)
            try:
                errand = await understand(request, account)
            except Unreadable as error:
                return self._wire.respond(error.answer, headers)
            return await self._wire.carry(request, account.name, errand, headers)

        return serve

    # Reading

    async def _list(self, request: web.Request, account: Account, kind: Kind) -> Errand:
        query = request.query
        by_id = kind is INVOICE or self._world.faults.choice("id_lists") == "everywhere"
        wanted = query.get("id") if by_id else None
        ids = [] if wanted is None else [each.strip() for each in wanted.split(",") if each.strip()]
        self._world.stats.max_ids_per_list = max(self._world.stats.max_ids_per_list, len(ids))

        async def run() -> Reply:
            await self._reading(account, ids[0] if ids else "list")
            now = self._world.clock.now()
            if wanted is not None:
                return Reply(200, self._listing.by_ids(account, kind, ids, now))
            return Reply(200, self._listing.page(account, kind, query, now))

        return Errand("list", ids, run)

    async def _single(self, request: web.Request, account: Account, kind: Kind) -> Errand:
        document_id = request.match_info["id"]

        async def run() -> Reply:
            await self._reading(account, document_id)
            document = account.shelf(kind).documents.get(document_id)
            if document is None:
                return refused(404, 404, f"{kind.title} no existe")
            body = self._world.viewer.bytes_of(document, self._world.clock.now())
            return Reply(200, _with_files(body, document, request.query.get("fields", "")))

        return Errand("single", (document_id,), run)

    async def _company(self, _: web.Request, account: Account) -> Errand:
        return self._plain(
            {
                "id": "1",
                "name": account.company,
                "identification": account.identification.number,
                "identificationObject": account.identification.as_json(),
                "applicationVersion": account.nation.name,
                "currency": {"code": account.nation.currency},
                "decimalPrecision": str(account.nation.decimals),
                "email": account.credentials.email,
            }
        )

    async def _number_templates(self, request: web.Request, account: Account) -> Errand:
        wanted = request.query.get("documentType")
        templates = [each for each in account.templates.values() if wanted in (None, each.document_type)]
        return self._plain([each.as_json() for each in templates])

    async def _user(self, _: web.Request, account: Account) -> Errand:
        return self._plain(
            {"id": "1", "email": account.credentials.email, "role": "admin", "status": "active", "name": "API"}
        )

    async def _contact(self, request: web.Request, account: Account) -> Errand:
        contact = account.contacts.get(request.match_info["id"])
        return self._plain(contact) if contact else self._answered(refused(404, 404, "El contacto no existe"))

    def _plain(self, value: object) -> Errand:
        return self._answered(reply(200, value))

    def _answered(self, answer: Reply) -> Errand:
        async def run() -> Reply:
            return answer

        return Errand("other", (), run)

    async def _reading(self, account: Account, key: str) -> None:
        await self._world.clock.sleep(self._world.faults.seconds("read_latency", f"{account.name}/{key}"))

    # Writing

    async def _create(self, request: web.Request, account: Account, kind: Kind) -> Errand:
        body = await object_of(request)
        clock = self._world.clock

        async def run() -> Reply:
            return await self._stamping.accepted(self._created(account, kind, body))

        def later(seconds: float) -> None:
            def create() -> None:
                self._creating.create(account, kind, body)

            clock.call_at(clock.now() + seconds, create)

        return Errand("create", [named] if (named := reference_in(body)) else (), run, later)

    async def _created(self, account: Account, kind: Kind, body: Mapping[str, Any]) -> Reply:
        await self._world.clock.sleep(self._world.faults.seconds("create_latency", account.name))
        return self._creating.create(account, kind, body)

    async def _preview(self, request: web.Request, account: Account) -> Errand:
        body = await object_of(request)

        async def run() -> Reply:
            return self._creating.preview(account, body)

        return Errand("single", (), run)

    async def _delete(self, request: web.Request, account: Account, kind: Kind) -> Errand:
        document_id = request.match_info["id"]

        async def run() -> Reply:
            document = account.shelf(kind).documents.get(document_id)
            if document is None:
                return refused(404, 404, f"{kind.title} no existe")
            if document.emission is not None:
                return refused(400, 3051, f"{kind.title} fue emitida y no se puede eliminar")
            self._world.delete(account, document)
            return reply(200, {"code": 200, "message": f"{kind.title} fue eliminada"})

        return Errand("delete", (document_id,), run)


def _with_files(body: bytes, document: Document, fields: str) -> bytes:
    """`fields` adds addresses of files, it never trims."""
    wanted = [each for each in fields.split(",") if each in ("pdf", "xml", "attachedDocument")]
    if not wanted:
        return body
    links = {each: f"https://files.sandbox.example/{document.id}/{each}?X-Amz-Signature=0" for each in wanted}
    return body[:-1] + b"," + to_bytes(links)[1:]
