"""The world behind the stand-in: accounts, their documents, the ledger, the clock, and the journal that remembers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from worker.sandbox.accounts import Account, Credentials
from worker.sandbox.clock import Clock
from worker.sandbox.composing import as_kind
from worker.sandbox.creations import Creations
from worker.sandbox.documents import Document
from worker.sandbox.faults import Faults
from worker.sandbox.flaws import spoil
from worker.sandbox.journal import Journal
from worker.sandbox.kinds import INVOICE, KINDS, Kind
from worker.sandbox.ledger import Entry, Ledger
from worker.sandbox.mixes import dealt_outcomes, reproducible
from worker.sandbox.nations import nation_named
from worker.sandbox.numbering import templates_for
from worker.sandbox.outcomes import ACCEPT, Outcome, read_outcome
from worker.sandbox.quota import Quota
from worker.sandbox.replay import again
from worker.sandbox.seed import contacts_of, goods_of, invoice_facts, issuer_of
from worker.sandbox.stats import Stats
from worker.sandbox.view import Viewer

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class WrongRequest(ValueError):
    """The control was asked for something it does not have or do; the sentence says what."""


class Missing(WrongRequest):
    """There is no such account or document."""


@dataclass(frozen=True, slots=True)
class Deferred:
    """A stamp call whose client has gone, to be executed later."""

    call: str
    account: str
    ids: tuple[str, ...]
    due: float
    kind: Kind = INVOICE


class World:
    """Everything the stand-in knows; one per server, used from one thread."""

    def __init__(self, data: Path | None = None, *, faults: Mapping[str, object] | None = None) -> None:
        self.clock = Clock()
        self.faults = Faults(faults)
        self.viewer = Viewer(self.faults)
        self.accounts: dict[str, Account] = {}
        self.ledger = Ledger()
        self.mails: list[dict[str, Any]] = []
        """Every e-mail that left, in order."""
        self.creations = Creations()
        self.stats = Stats()
        self.deferred: dict[str, Deferred] = {}
        self._by_authorization: dict[str, Account] = {}
        self.run = 1
        """How often this world was started; part of every call's id, so that no two calls share one."""
        self._calls = count(1)
        self._journal = Journal(data)
        self._replay()
        self._journal.write("started")

    def close(self) -> None:
        """The world ends; the journal keeps it."""
        self._journal.close()

    # Accounts

    def add_account(
        self,
        name: str,
        *,
        country: str,
        email: str | None = None,
        token: str | None = None,
        limit: int | None = None,
        window: float | None = None,
        numbers_left: int | None = None,
    ) -> Credentials:
        """A new account, or new settings for one that exists; its country never changes. Raises `WrongRequest`."""
        if not _NAME.fullmatch(name):
            raise WrongRequest(f"name: {name!r} is not 1 to 64 letters, digits, dots, dashes or underscores")
        try:
            nation = nation_named(country)
        except ValueError as error:
            raise WrongRequest(str(error)) from error
        known = self.accounts.get(name)
        if known is not None and known.nation is not nation:
            raise WrongRequest(f"country: account {name!r} exists and is in {known.nation.name}, not {nation.name}")
        email = email or (known.credentials.email if known else f"{name.lower()}@sandbox.example")
        token = token or (known.credentials.token if known else f"sandbox-{name}")
        if any(each.credentials.email == email for each in self.accounts.values() if each.name != name):
            raise WrongRequest(f"email: {email!r} belongs to another account")
        credentials = Credentials(name, email, token, nation.name)
        account = known or self._founded(credentials)
        self._by_authorization.pop(account.credentials.authorization, None)
        account.credentials = credentials
        account.limit = account.limit if limit is None else limit
        account.window = account.window if window is None else window
        if numbers_left is not None:
            template = account.numbering(electronic=True)
            template.max_number = template.next_number + numbers_left - 1
        self.accounts[name] = account
        self._by_authorization[credentials.authorization] = account
        self._journal.write(
            "account", name=name, country=nation.name, email=email, token=token, limit=account.limit,
            window=account.window, highest=account.numbering(electronic=True).max_number,
        )  # fmt: skip
        return credentials

    def account(self, name: str) -> Account:
        """The account of this name. Raises `WrongRequest`."""
        account = self.accounts.get(name)
        if account is None:
            raise Missing(f"account: {name!r} does not exist; there are: {', '.join(self.accounts) or 'none'}")
        return account

    def authorized(self, header: str | None) -> Account | None:
        """The account these Basic credentials belong to."""
        return None if header is None else self._by_authorization.get(header)

    def quota_of(self, account: Account) -> Quota:
        """Its quota, under the settings in force."""
        quota = account.quota
        quota.limit = account.limit or self.faults.whole("quota_limit")
        quota.window = account.window or self.faults.whole("quota_window")
        return quota

    def today(self, account: Account) -> date:
        """The local date of the account."""
        return datetime.fromtimestamp(self.clock.now(), account.nation.zone).date()

    # Documents

    def document(self, account: str, document_id: str, kind: Kind = INVOICE) -> Document:
        """One document. Raises `WrongRequest`."""
        document = self.account(account).shelf(kind).documents.get(document_id)
        if document is None:
            raise Missing(f"document: account {account!r} has no {kind.name} {document_id!r}")
        return document

    def add_drafts(
        self,
        account_name: str,
        count: int,
        *,
        mix: Mapping[str, object] | None = None,
        numbering: str | None = None,
        issued: date | None = None,
        kind: Kind = INVOICE,
        refers_to: Sequence[str] = (),
    ) -> list[Document]:
        """New documents of realistic content, most of them drafts. Raises `WrongRequest`.

        `mix` gives outcomes and their counts or shares; what it leaves open is accepted. `numbering` is a prefix,
        `issued` a date; without one they spread over the last three weeks. `refers_to` are ids of documents that they
        are about, one after the other, and from the first again.
        """
        account = self.account(account_name)
        if not 1 <= count <= 100_000:
            raise WrongRequest(f"count: {count} is not from 1 to 100000")
        if account.nation.iso not in kind.countries:
            raise WrongRequest(f"kind: {account.nation.name} has no {kind.name}")
        referred = [self._referred(account_name, each, kind) for each in refers_to]
        template = account.numbering(electronic=True, kind=kind)
        if numbering is not None:
            named = [each for each in account.templates.values() if each.series.prefix == numbering]
            if not named:
                prefixes = ", ".join(sorted({each.series.prefix for each in account.templates.values()}))
                raise WrongRequest(f"numbering: {numbering!r} is not one of the prefixes {prefixes}")
            template = named[0]
        chance = reproducible(f"{self.faults.whole('seed')}/{account_name}/{account.shelf(kind).next_id}")
        outcomes = dealt_outcomes(count, mix or {}, chance)
        contacts, goods = list(account.contacts.values()), list(account.goods.values())
        today = self.today(account)
        documents = []
        for place, outcome in enumerate(outcomes):
            when = issued or today - timedelta(days=20 - 20 * place // max(1, count - 1) if count > 1 else 0)
            chosen = account.numbering(electronic=False) if outcome.name == "not_electronic" else template
            facts = invoice_facts(account.nation, contacts, goods, when, chance, chosen.series.sub_document_type)
            if outcome.name in ("flawed", "doubtful"):
                facts = spoil(account.nation, facts, chance, certain=outcome.name == "flawed")
            about = referred[place % len(referred)] if referred else None
            facts = as_kind(kind, facts, about, account.nation)
            documents.append(self.take_in(account, facts, chosen.id, outcome, kind))
        return documents

    def _referred(self, account: str, document_id: str, kind: Kind) -> Document:
        if kind.refers is None:
            raise WrongRequest(f"refers_to: a {kind.name} refers to nothing")
        return self.document(account, document_id, KINDS["support_document"] if kind.refers == "bills" else INVOICE)

    def take_in(
        self,
        account: Account,
        facts: dict[str, Any],
        template_id: str,
        outcome: Outcome = ACCEPT,
        kind: Kind = INVOICE,
    ) -> Document:
        """A new document with these fields, a draft where its kind has drafts, written down."""
        template = account.templates[template_id]
        document = Document(self._new_id(account, kind), account.nation, template, facts, kind, outcome=outcome)
        account.shelf(kind).add(document)
        self.viewer.prepare(document)
        self._journal.write(
            "document", account=account.name, kind=kind.name, id=document.id, template=template.id, facts=facts,
            outcome=outcome.as_json(),
        )  # fmt: skip
        if not kind.has_drafts:
            document.take_number(by_stamp=False)
            document.status = "open"
            self.moved(account, document)
        return document

    def moved(self, account: Account, document: Document) -> None:
        """A document has changed: reads, lists and the journal take note."""
        document.touch()
        account.shelf(document.kind).settle_status(document)
        self._journal.write(
            "moved", account=account.name, kind=document.kind.name, id=document.id, to=document.movable()
        )

    def plant(self, account: Account, document: Document, outcome: object, changes: Mapping[str, Any]) -> Document:
        """Change how a document will end, or its fields, as a person in Alegra's own screens would."""
        if outcome is not None:
            document.outcome, document.spoiled_calls = read_outcome(outcome), 0
        if changes:
            document.rewrite({**document.facts, **changes})
            self._journal.write(
                "edited", account=account.name, kind=document.kind.name, id=document.id, facts=document.facts
            )
        self.moved(account, document)
        return document

    def delete(self, account: Account, document: Document) -> None:
        """It is gone."""
        account.shelf(document.kind).drop(document)
        self._journal.write("deleted", account=account.name, kind=document.kind.name, id=document.id)

    # What happens

    def enter(self, entry: Entry) -> None:
        """Write an execution into the ledger."""
        self.ledger.add(entry)
        self._journal.write("ledger", **entry.as_json())

    def mail(self, mail: dict[str, Any]) -> None:
        """An e-mail left."""
        self.mails.append(mail)
        self._journal.write("mailed", **mail)

    def created(self, account: Account, document: Document) -> None:
        """Write down that a request created a document."""
        entry = self.creations.add(account.name, document, self.local_time(account))
        self._journal.write("created", **entry)

    def new_call_id(self) -> str:
        """An id for a stamp call, unlike any before."""
        return f"call-{self.run}.{next(self._calls)}"

    def postpone(self, call: str, account: str, ids: Sequence[str], due: float, kind: Kind = INVOICE) -> Deferred:
        """A call will be executed later, even if the sandbox is stopped and started in between."""
        deferred = self.deferred[call] = Deferred(call, account, tuple(ids), due, kind)
        self._journal.write("postponed", call=call, account=account, kind=kind.name, ids=list(ids), due=due)
        return deferred

    def caught_up(self, call: str) -> None:
        """A postponed call has been executed."""
        if self.deferred.pop(call, None) is not None:
            self._journal.write("caught_up", call=call)

    async def advance(self, seconds: float) -> float:
        """Push the clock ahead; what falls due happens before this returns."""
        now = await self.clock.advance(seconds)
        self._journal.write("clock", offset=self.clock.offset)
        return now

    def local_time(self, account: Account) -> str:
        """Now, as ISO text with the account's offset."""
        return datetime.fromtimestamp(self.clock.now(), account.nation.zone).isoformat(timespec="milliseconds")

    def reset(self) -> None:
        """An empty world with no faults; the clock keeps its time."""
        self.faults.clear()
        self._journal.write("reset")
        self.accounts.clear()
        self._by_authorization.clear()
        self.deferred.clear()
        self.clock.forget()
        self.ledger = Ledger()
        self.mails = []
        self.creations = Creations()
        self.stats = Stats()

    def _founded(self, credentials: Credentials) -> Account:
        nation = nation_named(credentials.country)
        chance = reproducible(f"company/{credentials.account}")
        company, identification = issuer_of(nation, credentials.account, chance)
        year = datetime.fromtimestamp(self.clock.now(), nation.zone).year
        return Account(
            credentials,
            nation,
            company,
            identification,
            {template.id: template for template in templates_for(nation, year)},
            {contact["id"]: contact for contact in contacts_of(nation, chance)},
            {good.id: good for good in goods_of(nation)},
        )

    def _new_id(self, account: Account, kind: Kind) -> str:
        shelf = account.shelf(kind)
        number = shelf.next_id
        shelf.next_id += 1
        if not self.faults.switch("uuid_ids"):
            return str(number)
        milliseconds = int(self.clock.now() * 1000)
        chance = reproducible(f"{self.faults.whole('seed')}/{account.name}/{number}").getrandbits(62)
        return str(UUID(int=milliseconds << 80 | 0x7 << 76 | (number & 0xFFF) << 64 | 0b10 << 62 | chance))

    def _replay(self) -> None:
        # What is done again must not be written down again.
        journal, self._journal = self._journal, Journal(None)
        faults = self.faults.as_json()
        for record in journal.read():
            again(self, record)
        self.faults.change(faults)
        self._journal = journal
