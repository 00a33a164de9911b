"""The addresses of Redis and of the broker as settings: read, and refused with what is wrong with them."""

from __future__ import annotations

from dataclasses import dataclass

from timbre_producers.addresses import UnusableAddress, read_address
from worker.values import NotAllowed, Url


class WrongAddress(NotAllowed):
    """An address of a right form that leads nowhere; the text says why, and the remedy, without its secrets."""


@dataclass(frozen=True, slots=True)
class ServerUrl:
    """One server or several, with the options of TLS and Sentinel in the address (timbre_producers/addresses.py)."""

    url: Url

    @property
    def allowed(self) -> str:
        return self.url.allowed

    def __call__(self, raw: object) -> str:
        url: str = self.url(raw)
        try:
            read_address(url)
        except UnusableAddress as unusable:
            raise WrongAddress(str(unusable)) from None
        return url
