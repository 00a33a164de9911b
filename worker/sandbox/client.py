"""A client of the sandbox's control: what a test, or `timbre sandbox`, says to a running one."""

from __future__ import annotations

import ssl
from collections.abc import Mapping, Sequence
from datetime import date
from types import TracebackType
from typing import Any, Self

import httpx

from worker.sandbox.accounts import Credentials


class SandboxRefused(Exception):
    """The sandbox does not have or do what was asked; the sentence is its own."""


class SandboxUnreachable(Exception):
    """Nobody answers at the sandbox's address."""


class FaultControl:
    """The faults of a running sandbox."""

    def __init__(self, control: SandboxControl) -> None:
        self._control = control

    def get(self) -> dict[str, Any]:
        """The values in force."""
        return dict(self._control.ask("GET", "/faults"))

    def set(self, changes: Mapping[str, object] | None = None, /, **more: object) -> dict[str, Any]:
        """Change some, all or none of them; None sets one back. Returns the values in force."""
        return dict(self._control.ask("PUT", "/faults", {**(changes or {}), **more}))

    def clear(self) -> None:
        """All as at first."""
        self._control.ask("DELETE", "/faults")


class SandboxControl:
    """Talks to the sandbox at `url`. Every method raises `SandboxRefused` or `SandboxUnreachable`."""

    def __init__(self, url: str, *, timeout: float = 30.0) -> None:
        # The environment's proxies are not for loopback.
        # And nothing here is TLS: reading the machine's certificates would cost more than most requests.
        bare = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._http = httpx.Client(timeout=timeout, trust_env=False, verify=bare)
        self.move_to(url)
        self.faults = FaultControl(self)

    def move_to(self, url: str) -> None:
        """Talk to this address from now on."""
        self.url = url.rstrip("/")
        self.base_url = f"{self.url}/api/v1"

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def add_account(self, name: str, *, country: str, **settings: object) -> Credentials:
        """A new account, or new settings (email, token, limit, window, numbers_left) for one that exists."""
        return Credentials(**self.ask("POST", "/accounts", {"name": name, "country": country, **settings}))

    def accounts(self) -> list[dict[str, Any]]:
        """All accounts, without their tokens."""
        return list(self.ask("GET", "/accounts"))

    def add_drafts(
        self,
        account: str,
        count: int,
        mix: Mapping[str, object] | None = None,
        *,
        numbering: str | None = None,
        issued: date | None = None,
        kind: str = "invoice",
        refers_to: Sequence[str] = (),
    ) -> list[str]:
        """New documents; `mix` gives outcomes and their counts or shares. Returns their ids, oldest first.

        Notes and payments refer to the documents whose ids `refers_to` gives.
        """
        dealt = self.deal_drafts(
            account, count, mix, numbering=numbering, issued=issued, kind=kind, refers_to=refers_to
        )
        return list(dealt["ids"])

    def deal_drafts(
        self,
        account: str,
        count: int,
        mix: Mapping[str, object] | None = None,
        *,
        numbering: str | None = None,
        issued: date | None = None,
        kind: str = "invoice",
        refers_to: Sequence[str] = (),
    ) -> dict[str, Any]:
        """The same; returns `ids` and `by_outcome`, which says which document got which outcome."""
        body = {
            "account": account,
            "count": count,
            "mix": dict(mix or {}),
            "numbering": numbering,
            "issued": None if issued is None else issued.isoformat(),
            "kind": kind,
            "refers_to": list(refers_to),
        }
        return dict(self.ask("POST", "/drafts", body))

    def document(self, account: str, document_id: str, *, kind: str = "invoice") -> dict[str, Any]:
        """The truth about one document, hidden code included; `shown` is what a read gives now."""
        return dict(self.ask("GET", f"/documents/{account}/{document_id}", params={"kind": kind}))

    def documents(self, account: str, *, kind: str | None = None) -> list[dict[str, Any]]:
        """The truth about all of an account's documents, or about those of one kind."""
        return list(self.ask("GET", f"/documents/{account}", params={"kind": kind} if kind else None))

    def plant(
        self, account: str, document_id: str, outcome: object = None, *, kind: str = "invoice", **changes: object
    ) -> dict[str, Any]:
        """Change how a document will end, or its date, total, observations, client_id or `fields` by dotted path."""
        path = f"/documents/{account}/{document_id}"
        return dict(self.ask("POST", path, {"outcome": outcome, **changes}, params={"kind": kind}))

    def stamp_by_hand(self, account: str, document_id: str, *, kind: str = "invoice") -> dict[str, Any]:
        """Have somebody press the button on Alegra's own screen."""
        return dict(self.ask("POST", f"/documents/{account}/{document_id}/stamp", params={"kind": kind}))

    def ledger(
        self, account: str | None = None, document_id: str | None = None, *, kind: str | None = None
    ) -> list[dict[str, Any]]:
        """Every stamp that was executed, in order; of a document without a kind, an invoice's."""
        named = {"account": account, "document_id": document_id, "kind": kind}
        return list(self.ask("GET", "/ledger", params={key: value for key, value in named.items() if value}))

    def emails(self, account: str | None = None) -> list[dict[str, Any]]:
        """Every e-mail that left, in order."""
        return list(self.ask("GET", "/emails", params={"account": account} if account else None))

    def duplicates(self) -> list[dict[str, Any]]:
        """Documents that were executed more than once."""
        return list(self.ask("GET", "/duplicates"))

    def creations(self, account: str | None = None) -> list[dict[str, Any]]:
        """Every document that a request created, with the reference in it."""
        found: list[dict[str, Any]] = self.ask("GET", "/creations", params={"account": account} if account else None)
        return found

    def calls(self) -> list[dict[str, Any]]:
        """Every stamp call as it arrived: ids, the fault that met it, what was executed."""
        return list(self.ask("GET", "/calls"))

    def stats(self) -> dict[str, Any]:
        """Requests by endpoint, answers by status, stamp calls, 429s."""
        return dict(self.ask("GET", "/stats"))

    def clear_stats(self) -> None:
        """Count from zero."""
        self.ask("DELETE", "/stats")

    def advance(self, seconds: float) -> float:
        """Push the sandbox's clock ahead; what falls due happens before this returns. Returns the new time."""
        return float(self.ask("POST", "/clock/advance", {"seconds": seconds})["now"])

    def reset(self) -> None:
        """An empty sandbox, no faults."""
        self.ask("POST", "/reset")

    def fault_list(self) -> Sequence[Mapping[str, Any]]:
        """Every fault it knows, with type, default and meaning."""
        return list(self.ask("GET", "/faults/list"))

    def ask(self, method: str, path: str, body: object = None, *, params: Mapping[str, str] | None = None) -> Any:
        """One request to the control."""
        try:
            response = self._http.request(method, f"{self.url}/_sandbox{path}", json=body, params=params)
        except httpx.TransportError as error:
            raise SandboxUnreachable(f"no sandbox answers at {self.url} ({type(error).__name__})") from error
        try:
            answer = response.json()
        except ValueError:
            raise SandboxUnreachable(f"what answers at {self.url} is not a sandbox") from None
        if response.is_error:
            sentence = answer.get("error") if isinstance(answer, dict) else None
            raise SandboxRefused(sentence or f"the sandbox answered {response.status_code}")
        return answer
