"""Stamping: what a stamp call does to the world, document by document, and the row each one earns."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, TypeVar

from worker.sandbox.accounts import Account
from worker.sandbox.codes import Conventions, Occasion, mint, spoiled
from worker.sandbox.documents import ACCEPTED, NEVER, OBSERVED, REJECTED, WAITING, Document, Emission
from worker.sandbox.examination import objection
from worker.sandbox.kinds import INVOICE, KINDS, Kind
from worker.sandbox.ledger import Entry
from worker.sandbox.numbering import NumbersExhausted
from worker.sandbox.outcomes import PLANTS
from worker.sandbox.stats import StampCall
from worker.sandbox.world import Deferred, World

T = TypeVar("T")

IN_PROCESS: Final = 3246
STAMP_FAILED: Final = 3051

_WARNINGS: Final = (
    "Regla: FAZ09, Notificación: No se encuentra el estándar de codificación del ítem",
    "Regla: FAJ43b, Notificación: Nombre informado no corresponde al registrado en el RUT con respecto al Nit",
)
_VERDICTS: Final = {"accepted": ACCEPTED, "observations": OBSERVED, "rejected": REJECTED, "never": ACCEPTED}


@dataclass(frozen=True, slots=True)
class Row:
    """What the stamp answer says about one document."""

    id: str
    success: bool
    message: str
    emission_status: str | None = None
    code: int | None = None

    def as_json(self) -> dict[str, Any]:
        """The row as Alegra writes it, for `data` or for `error`."""
        if self.success:
            return {"id": self.id, "success": True, "message": self.message, "emissionStatus": self.emission_status}
        row = {"id": self.id, "code": self.code, "message": self.message}
        return row if self.emission_status is None else {**row, "emissionStatus": self.emission_status}


class BatchRefused(Exception):
    """One document spoils the whole call: nothing is executed and no ids are named."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Stamping:
    """Executes stamps; once accepted, a call is carried through whether its client waits or not."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._running: set[asyncio.Task[Any]] = set()

    def start(self) -> None:
        """Take up what was postponed before the sandbox was last stopped."""
        for deferred in self._world.deferred.values():
            self._at_its_time(deferred)

    async def carry_through(self, account: Account, ids: Sequence[str], call: StampCall) -> list[Row]:
        """Execute the call in a task of its own: a client that hangs up does not stop it. Raises `BatchRefused`."""
        return await self.accepted(self._in_its_time(account, ids, call))

    async def accepted(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for work that goes on when the waiting is cancelled."""
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        # Somebody has to look at the exception when the client is gone.
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return await asyncio.shield(task)

    def later(self, account: Account, ids: Sequence[str], call: StampCall, seconds: float) -> None:
        """Execute the call in a while, although nobody waits for it any more."""
        due = self._world.clock.now() + seconds
        self._at_its_time(self._world.postpone(call.id, account.name, ids, due, KINDS[call.kind]), call)

    def _at_its_time(self, deferred: Deferred, call: StampCall | None = None) -> None:
        def execute() -> None:
            account = self._world.accounts[deferred.account]
            self._world.caught_up(deferred.call)
            try:
                self._refuse_poison(account, deferred.kind, deferred.ids)
            except BatchRefused:
                return
            for document_id in deferred.ids:
                self.stamp(account, document_id, deferred.call, call, deferred.kind)

        self._world.clock.call_at(deferred.due, execute)

    async def stop(self) -> None:
        """The server ends: what is still on its way is dropped."""
        for task in list(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _in_its_time(self, account: Account, ids: Sequence[str], call: StampCall) -> list[Row]:
        faults, clock, kind = self._world.faults, self._world.clock, KINDS[call.kind]
        key = f"{account.name}/{ids[0]}"
        await clock.sleep(faults.seconds("stamp_latency", key))
        self._refuse_poison(account, kind, ids)
        rows = []
        for document_id in ids:
            await clock.sleep(faults.seconds("stamp_latency_per_document", f"{account.name}/{document_id}"))
            rows.append(self.stamp(account, document_id, call.id, call, kind))
        return rows

    def _refuse_poison(self, account: Account, kind: Kind, ids: Sequence[str]) -> None:
        refused = self._world.faults.of_call("refuse_batch", account.name, ids)
        if refused is not None:
            raise BatchRefused(refused.whole("code"), refused.word("message"))
        for document_id in ids:
            document = account.shelf(kind).documents.get(document_id)
            if document is not None and document.outcome.name == "poison":
                raise BatchRefused(document.outcome.code or 902, document.outcome.message or "")

    def stamp(
        self, account: Account, document_id: str, call_id: str, call: StampCall | None = None, kind: Kind = INVOICE
    ) -> Row:
        """Stamp one document now, if it can be, and say so in a row."""
        faults = self._world.faults
        document = account.shelf(kind).documents.get(document_id)
        if document is None:
            return Row(document_id, False, f"{kind.title} no existe", code=404)
        lie = faults.strikes("error_row", account.name, document.key)
        if lie is not None and lie.word("moment") == "before":
            return Row(document_id, False, lie.word("message"), code=lie.whole("code"))
        if faults.strikes("hollow_success", account.name, document.key) is not None:
            return Row(document_id, True, "Factura emitida", ACCEPTED)
        refusal = self._refusal(account, document)
        if refusal is not None:
            return refusal
        try:
            emission = self.execute(account, document, call_id)
        except NumbersExhausted as error:
            message = f"AEP6011 Regla 90: el consecutivo {error} está fuera del rango autorizado"
            return Row(document_id, False, message, code=STAMP_FAILED)
        if call is not None:
            call.executed.append(document_id)
        if lie is not None:
            return Row(document_id, False, lie.word("message"), code=lie.whole("code"))
        status = emission.legal_status(self._world.clock.now())
        if status == REJECTED:
            return Row(document_id, False, "Documento rechazado por la entidad", REJECTED, STAMP_FAILED)
        return Row(document_id, True, "En proceso" if status == WAITING else "Factura emitida", status)

    def _refusal(self, account: Account, document: Document) -> Row | None:
        """The row of a document that is not executed; None when nothing stands in the way."""
        outcome = document.outcome
        if document.status == "void":
            return Row(document.id, False, PLANTS["void"].message or "", code=STAMP_FAILED)
        if not document.template.is_electronic:
            return Row(document.id, False, PLANTS["not_electronic"].message or "", code=STAMP_FAILED)
        if document.emission is not None:
            return self._again(document, document.emission)
        if wrong := objection(document.nation, document.facts, document.template, document.kind.name):
            return Row(document.id, False, wrong, code=STAMP_FAILED)
        spoils = outcome.name in ("data_error", "config_error", "transient")
        if spoils and (outcome.times is None or document.spoiled_calls < outcome.times):
            document.spoiled_calls += 1
            self._world.moved(account, document)
            return Row(document.id, False, outcome.message or "", code=outcome.code)
        return None

    def _again(self, document: Document, emission: Emission) -> Row | None:
        """What a document executed before gets; None lets it be executed once more."""
        status = emission.legal_status(self._world.clock.now())
        if status == REJECTED:
            return None
        faults = self._world.faults
        message = f"{document.kind.title} ya está en proceso de certificación"
        if status == WAITING:
            match faults.choice("in_process_again"):
                case "error_row":
                    return Row(document.id, False, message, code=IN_PROCESS)
                case "data_row":
                    return Row(document.id, True, "En proceso", WAITING)
                case _:
                    return None
        match faults.choice("accepted_again"):
            case "error_row":
                return Row(document.id, False, "AEP2011 Documento procesado anteriormente", code=STAMP_FAILED)
            case "success_row":
                return Row(document.id, True, "Factura emitida", status)
            case _:
                return None

    def execute(self, account: Account, document: Document, call_id: str) -> Emission:
        """Assign number and code and enter it into the ledger. Raises `NumbersExhausted`."""
        world, now = self._world, self._world.clock.now()
        stale = world.faults.seconds("stale_reads", f"{account.name}/{document.key}")
        if stale > 0:
            shown, status = world.viewer.bytes_of(document, now), world.viewer.status(document, now)
            document.before = (shown, status, now + stale)
            account.shelf(document.kind).lagging[document.id] = document
        earlier = document.emission
        if earlier is not None:
            # The authority knows nothing of one document: a second stamp is a second number and a second code.
            document.number = document.template.take()
        document.take_number(by_stamp=True)
        if document.status == "draft":
            document.status = "open"
        document.executions += 1
        document.emission = emission = self._emission(account, document, now)
        world.moved(account, document)
        world.enter(
            Entry(
                account.name,
                document.id,
                world.local_time(account),
                emission.code,
                document.full_number or "",
                call_id,
                after_rejection=earlier is not None and earlier.legal_status(now) == REJECTED,
                kind=document.kind.name,
            )
        )
        return emission

    def set_stage(self, account: Account, document: Document) -> None:
        """Bring a new document into the state its outcome says it is in before anybody asks."""
        match document.outcome.name:
            case "stamped":
                self.execute(account, document, "seed")
            case "open" | "void" as status:
                document.take_number(by_stamp=False)
                document.status = status
                self._world.moved(account, document)

    def _emission(self, account: Account, document: Document, now: float) -> Emission:
        world, faults = self._world, self._world.faults
        key = f"{account.name}/{document.key}"
        occasion = self._occasion(account, document, now)
        wrong = faults.strikes("inconsistent_code", account.name, document.key)
        if wrong is not None and not document.nation.number_is_code:
            occasion = occasion.of_another_document()
        conventions = Conventions(faults.choice("expiry_key_argentina"), faults.choice("check_digit_panama"))
        minted = mint(document.nation, occasion, conventions)
        code, stamp = minted.code, dict(minted.extras)
        if faults.strikes("malformed_code", account.name, document.key) is not None:
            code = spoiled(code)
        if not document.nation.number_is_code:
            stamp = {self._code_key(document): code, **stamp}
        verdict, seconds = self._verdict(account, document)
        if verdict == OBSERVED:
            stamp["warnings"] = list(_WARNINGS)
        elif verdict == REJECTED:
            stamp["warnings"] = ["Regla: FAD06, Rechazo: Valor del CUFE no está calculado correctamente"]
        code_at = now + faults.seconds("code_delay", key)
        return Emission(world.clock.now(), code, stamp, verdict, code_at, NEVER if seconds is None else now + seconds)

    def _code_key(self, document: Document) -> str:
        """The key of `stamp` that carries the code."""
        of_notes = document.nation.iso == "CO" and document.kind is not INVOICE
        return self._world.faults.choice(f"code_key_{document.nation.name}{'_notes' if of_notes else ''}")

    @staticmethod
    def _occasion(account: Account, document: Document, now: float) -> Occasion:
        facts = document.facts
        total, tax = document.total, Decimal(str(facts.get("tax", 0)))
        return Occasion(
            issuer=account.identification,
            buyer=str(document.party.get("identification") or ""),
            full_number=document.full_number or "",
            number=document.number or 0,
            issued=date.fromisoformat(facts["date"]),
            at=datetime.fromtimestamp(now, document.nation.zone),
            subtotal=total - tax,
            tax=tax,
            total=total,
            nonce=f"{account.name}/{document.key}/{document.executions}",
            document_type=document.kind.tax_type,
        )

    def _verdict(self, account: Account, document: Document) -> tuple[str, float | None]:
        """The authority's verdict and in how many seconds it comes; None is never."""
        faults, outcome = self._world.faults, document.outcome
        strike = faults.strikes("verdict", account.name, document.key)
        if strike is not None:
            word = strike.word("word")
            return _VERDICTS[word], None if word == "never" else strike.seconds("seconds")
        seconds = outcome.delay
        if seconds is None:
            seconds = faults.seconds("verdict_delay", f"{account.name}/{document.key}")
        match outcome.name:
            case "observations":
                return OBSERVED, seconds
            case "rejected" | "late_rejection":
                return REJECTED, seconds
            case "waiting":
                return ACCEPTED, None
            case _:
                return ACCEPTED, seconds
