"""Where a broker is: one URL, which says in its query what TLS and Sentinel need, and what kombu has to be told of it.

    redis://:password@host:6379/0
    rediss://:password@host:6379/0?ssl_ca_certs=/etc/ssl/redis-ca.pem
    sentinel://:password@one:26379;sentinel://two:26379;sentinel://three:26379/0?master_name=timbre
    amqps://user:password@host//?ssl_ca_certs=/etc/ssl/rabbitmq-ca.pem
    amqp://user:password@one//;amqp://user:password@two//?queue_type=quorum

kombu takes most of this in settings of its own, and of a bare `rediss://` it checks no certificate. Here a certificate
is checked unless the address says otherwise.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit

from redis.backoff import NoBackoff
from redis.retry import Retry

AMQP: Final = ("amqp", "amqps", "pyamqp")

SENTINEL_PORT: Final = 26379

_FILES: Final = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
_TLS: Final = (*_FILES, "ssl_cert_reqs", "ssl_check_hostname")
_SENTINEL: Final = ("master_name", "sentinel_username", "sentinel_password", "ssl")

_RABBIT: Final = ("queue_type",)

_ALLOWED: Final[Mapping[str, Sequence[str]]] = {
    "redis": (),
    "rediss": _TLS,
    "sentinel": (*_SENTINEL, *_TLS),
    "amqp": _RABBIT,
    "pyamqp": _RABBIT,
    "amqps": (*_RABBIT, *_TLS),
}
"""Options by scheme. Others of AMQP are kombu's own, and left to it."""

_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "ssl": ("true", "false"),
    "ssl_check_hostname": ("true", "false"),
    "ssl_cert_reqs": ("required", "none"),
    "queue_type": ("classic", "quorum"),
}


class UnusableAddress(ValueError):
    """Nothing can be reached by this address: `what` is wrong with it, without its secrets, and the `remedy`."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what}: {remedy}")
        self.what = what
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Tls:
    """How a server proves who it is, and we to it. Without a CA file the system's authorities count."""

    ca_certs: str | None = None
    certfile: str | None = None
    keyfile: str | None = None
    verify: bool = True
    check_hostname: bool = True

    def for_redis(self) -> dict[str, Any]:
        """As redis-py names it."""
        return {
            "ssl_cert_reqs": ssl.CERT_REQUIRED if self.verify else ssl.CERT_NONE,
            "ssl_check_hostname": self.verify and self.check_hostname,
            "ssl_ca_certs": self.ca_certs,
            "ssl_certfile": self.certfile,
            "ssl_keyfile": self.keyfile,
        }

    def for_amqp(self) -> dict[str, Any]:
        """As py-amqp names it; the name of the host is checked only when `server_hostname` is there to be filled in."""
        return {
            "cert_reqs": ssl.CERT_REQUIRED if self.verify else ssl.CERT_NONE,
            "ca_certs": self.ca_certs,
            "certfile": self.certfile,
            "keyfile": self.keyfile,
        } | ({"server_hostname": None} if self.verify and self.check_hostname else {})


@dataclass(frozen=True, slots=True, repr=False)
class Address:
    """One broker, or one Redis: a server, or the sentinels that know which server it is."""

    scheme: str
    shown: str
    """Without user, password and options: for people."""
    broker_url: str
    """For kombu, without the options that it takes elsewhere."""
    passwords: tuple[str, ...]
    sentinels: tuple[tuple[str, int], ...] = ()
    master_name: str | None = None
    username: str | None = None
    password: str | None = None
    database: int = 0
    sentinel_username: str | None = None
    sentinel_password: str | None = None
    tls: Tls | None = None
    queue_type: str = "classic"
    """Of RabbitMQ's queues: everybody who declares one has to say the same."""

    def __repr__(self) -> str:
        return f"Address({self.shown!r})"

    @property
    def is_amqp(self) -> bool:
        """RabbitMQ, and not Redis."""
        return self.scheme in AMQP

    def queue_arguments(self) -> dict[str, Any] | None:
        """What a queue is declared with. Classic ones have none, as a bare `send_task` declares them."""
        return {"x-queue-type": "quorum"} if self.queue_type == "quorum" else None

    def use_ssl(self) -> dict[str, Any] | None:
        """Celery's `broker_use_ssl`."""
        if self.tls is None:
            return None
        return self.tls.for_amqp() if self.is_amqp else self.tls.for_redis()

    def transport_options(self, sentinel_within: float) -> dict[str, Any]:
        """What belongs into Celery's `broker_transport_options`; a sentinel may take so many seconds to answer."""
        if not self.sentinels:
            return {}
        return {"master_name": self.master_name, "sentinel_kwargs": self.for_sentinels(sentinel_within)}

    def for_sentinels(self, within: float) -> dict[str, Any]:
        """How redis-py speaks to a sentinel: one that is away is passed over, not asked again."""
        return {
            "username": self.sentinel_username,
            "password": self.sentinel_password,
            "socket_timeout": within,
            "socket_connect_timeout": within,
            "retry": Retry(NoBackoff(), 0),
            **({"ssl": True, **self.tls.for_redis()} if self.tls else {}),
        }


def read_address(url: str) -> Address:
    """What an address says. Schemes that are neither Redis nor RabbitMQ pass as they are. Raises `UnusableAddress`."""
    parts = url.split(";")
    split = [_split(part) for part in parts]
    schemes = {each.scheme for each in split}
    if len(schemes) > 1:
        raise UnusableAddress(f"mixes {' and '.join(sorted(schemes))}", "give all servers the same scheme")
    (scheme,) = schemes
    shown = without_credentials(url)
    if scheme not in (*_ALLOWED, *AMQP):
        return Address(scheme, shown, url, tuple(_passwords(split)))
    options = _options(scheme, split)
    tls = _tls(options) if scheme in {"rediss", "amqps"} or _wants_tls(options) else None
    passwords = tuple(_passwords(split, options.get("sentinel_password")))
    if scheme in AMQP:
        urls = ";".join(map(_without_our_options, split))
        return Address(scheme, shown, urls, passwords, tls=tls, queue_type=options.get("queue_type", "classic"))
    if scheme == "sentinel":
        return _of_sentinels(split, options, tls, shown, passwords)
    if len(parts) > 1:
        remedy = "several servers are what sentinel:// is for: name the sentinels, and the master by master_name"
        raise UnusableAddress(f"names {len(parts)} servers", remedy)
    _database(split)
    return Address(scheme, shown, split[0]._replace(query="").geturl(), passwords, tls=tls)


def without_credentials(url: str) -> str:
    """An address as it may be shown: without user, password and options."""
    return re.sub(r"(://)[^;]*@", r"\1", url).partition("?")[0]


def _split(part: str) -> SplitResult:
    try:
        split = urlsplit(part)
        _ = split.port
    except ValueError:
        raise UnusableAddress("is no address", "write scheme://host:port, one for each server") from None
    return split


def _of_sentinels(
    split: Sequence[SplitResult],
    options: Mapping[str, str],
    tls: Tls | None,
    shown: str,
    passwords: tuple[str, ...],
) -> Address:
    master = options.get("master_name")
    if not master:
        remedy = "add ?master_name= and the name that follows `sentinel monitor` in the sentinels' configuration"
        raise UnusableAddress(f"names no master ({shown})", remedy)
    if not all(each.hostname for each in split):
        raise UnusableAddress(f"names a sentinel without a host ({shown})", "write sentinel://host:26379 for each")
    username = _the_one("user", [unquote(each.username) for each in split if each.username])
    password = _the_one("password", [unquote(each.password) for each in split if each.password])
    database = _database(split)
    sentinels = tuple((each.hostname or "", each.port or SENTINEL_PORT) for each in split)
    who = f"{quote(username or '', safe='')}:{quote(password, safe='')}@" if password else ""
    # Each with everything: kombu goes on with the next one's user, password and database when one fails.
    urls = [f"sentinel://{who}{_bracketed(host)}:{port}/{database}" for host, port in sentinels]
    return Address(
        "sentinel",
        shown,
        # With one alone kombu would not take it for a list of sentinels.
        ";".join(urls),
        passwords,
        sentinels,
        master,
        username,
        password,
        database,
        options.get("sentinel_username"),
        options.get("sentinel_password"),
        tls,
    )


def _options(scheme: str, split: Sequence[SplitResult]) -> dict[str, str]:
    """Of the whole address: they may stand behind any of its servers. Those of AMQP's own are left to kombu."""
    options: dict[str, str] = {}
    allowed = _ALLOWED.get(scheme, ())
    for name, value in (pair for each in split for pair in parse_qsl(each.query, keep_blank_values=True)):
        if scheme in AMQP and name not in (*_TLS, *_RABBIT):
            continue
        if name not in allowed:
            known = f"{scheme}:// takes {', '.join(allowed)}" if allowed else f"{scheme}:// takes no options"
            tls = "; TLS is rediss://" if scheme == "redis" and name in _TLS else ""
            tls = "; TLS is amqps://" if scheme in AMQP else tls
            raise UnusableAddress(f"has an unknown option{_harmless(name)}", f"{known}{tls}")
        if options.setdefault(name, value) != value:
            raise UnusableAddress(f"says {name} twice and differently", "say it once")
        if name in _WORDS and value not in _WORDS[name]:
            raise UnusableAddress(f"has an unknown {name}{_harmless(value)}", f"allowed is {' or '.join(_WORDS[name])}")
        if name in _FILES and not Path(value).is_file():
            remedy = "give the path of a PEM file that this process can read"
            raise UnusableAddress(f"names a file that is not there, {name}={value[:200]!r}", remedy)
    if "ssl_keyfile" in options and "ssl_certfile" not in options:
        raise UnusableAddress("has an ssl_keyfile without its ssl_certfile", "name both, or neither")
    return options


def _harmless(word: str) -> str:
    """A word to be repeated, unless it might be a secret in a wrong place."""
    return f" ({word})" if re.fullmatch(r"[a-zA-Z_]{1,40}", word) else ""


def _wants_tls(options: Mapping[str, str]) -> bool:
    said = options.get("ssl")
    if said == "false" and options.keys() & set(_TLS):
        raise UnusableAddress("has ssl=false beside options of TLS", "take one of them away")
    return said == "true" or bool(options.keys() & set(_TLS))


def _tls(options: Mapping[str, str]) -> Tls:
    return Tls(
        options.get("ssl_ca_certs"),
        options.get("ssl_certfile"),
        options.get("ssl_keyfile"),
        verify=options.get("ssl_cert_reqs") != "none",
        check_hostname=options.get("ssl_check_hostname") != "false",
    )


def _database(split: Sequence[SplitResult]) -> int:
    written = _the_one("database", [path for each in split if (path := each.path.strip("/"))])
    if written is not None and not re.fullmatch(r"[0-9]{1,6}", written):
        raise UnusableAddress(f"names no database{_harmless(written)}", "Redis numbers its databases: write /0")
    return int(written or 0)


def _the_one(what: str, found: Sequence[str]) -> str | None:
    if len(set(found)) > 1:
        raise UnusableAddress(f"gives its servers a different {what} each", f"give all the same {what}, or one of them")
    return found[0] if found else None


def _without_our_options(part: SplitResult) -> str:
    kept = [pair for pair in parse_qsl(part.query, keep_blank_values=True) if pair[0] not in (*_TLS, *_RABBIT)]
    return part._replace(query=urlencode(kept)).geturl()


def _passwords(split: Sequence[SplitResult], *more: str | None) -> Iterator[str]:
    yield from {each.password for each in split if each.password}
    yield from (unquote(each.password) for each in split if each.password and unquote(each.password) != each.password)
    yield from filter(None, more)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
