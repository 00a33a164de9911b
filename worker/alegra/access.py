"""What it takes to speak to Alegra as one of its users."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from pydantic import SecretStr


@dataclass(frozen=True, slots=True)
class AccountAccess:
    """One Alegra user: where it is served, its credentials, and how patient its calls are."""

    name: str
    base_url: str
    """Including the version, as `https://api.alegra.com/api/v1`."""
    email: str = field(repr=False)
    token: SecretStr
    country: str | None = None
    """ISO code; None when Alegra must be asked."""
    issuer: str | None = None
    """The company's tax number, once it is known: some fiscal codes repeat it."""
    stamp_timeout: timedelta = timedelta(seconds=180)
    """The whole of a stamp call, from asking for a connection to the answer's last byte."""
    read_timeout: timedelta = timedelta(seconds=30)
    """The whole of a read."""
    connect_timeout: timedelta = timedelta(seconds=10)
