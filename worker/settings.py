"""Every setting: typed, frozen, and each with its unit and the reason for its default."""

from __future__ import annotations

from datetime import time, timedelta
from pathlib import Path
from typing import Annotated, Final, cast
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr
from pydantic.fields import FieldInfo

from worker.addresses import ServerUrl
from worker.emission.policy import Schedule
from worker.running import Running
from worker.values import (
    CountryCode,
    DatabaseUrl,
    Delays,
    Hour,
    KindNames,
    OneOf,
    Reader,
    Seconds,
    Share,
    Switch,
    Url,
    Whole,
    Words,
    Zone,
)

PREFIX: Final = "TIMBRE_"

REDIS: Final = ServerUrl(Url(("redis", "rediss", "sentinel"), "redis://localhost:6379/0"))
BROKER: Final = ServerUrl(
    Url(("redis", "rediss", "redis+socket", "sentinel", "amqp", "amqps", "pyamqp"), "amqp://user:password@localhost//")
)
ALEGRA: Final = Url(("https", "http"), "https://api.alegra.com/api/v1", credentials=False)
NUMBERINGS: Final = Words("comma-separated ids or prefixes of numberTemplates")
KIND_NAMES: Final = KindNames()
REQUESTS_PER_MINUTE: Final = Whole(1, 100_000)


class WrongSettings(Exception):
    """The program cannot start like this; `problems` holds one sentence per wrong setting, without secrets."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Settings(BaseModel):
    """The environment's settings. A description names the unit and why the default is what it is."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    home: Path = Field(
        Path(".timbre"),
        description="Directory of the embedded machine's data, logs and passwords; created when needed.",
    )
    database_url: Annotated[SecretStr | None, BeforeValidator(DatabaseUrl())] = Field(
        None, description="The status table's database. Unset: SQLite in `TIMBRE_HOME`, enough for one machine."
    )
    redis_url: Annotated[SecretStr | None, BeforeValidator(REDIS)] = Field(
        None,
        description="Locks, quota and, by default, the broker. Unset: the server `timbre up` runs in `TIMBRE_HOME`. "
        "TLS and Sentinel: ops/servers.md.",
    )
    broker_url: Annotated[SecretStr | None, BeforeValidator(BROKER)] = Field(
        None, description="Celery's broker, when it is not `TIMBRE_REDIS_URL`: RabbitMQ, or another Redis."
    )

    alegra_base_url: Annotated[str, BeforeValidator(ALEGRA)] = Field(
        ALEGRA.example, description="One host for every country; Alegra's sandbox or Timbre's own have others."
    )
    alegra_email: str | None = Field(None, description="E-mail of the Alegra user that becomes account `default`.")
    alegra_token: SecretStr | None = Field(None, description="That user's API token.")
    alegra_country: Annotated[str | None, BeforeValidator(CountryCode())] = Field(
        None, description="That account's country. Unset: asked of Alegra once and remembered."
    )
    accounts_file: Path | None = Field(
        None, description="TOML file with one table per account, for more accounts than one."
    )

    linger: Annotated[timedelta, BeforeValidator(Seconds(0, 60))] = Field(
        timedelta(seconds=2),
        description="Seconds a batch or a read may wait for company: two fill batches of ten and nobody notices them.",
    )
    look_fresh: Annotated[timedelta, BeforeValidator(Seconds(1, 3600))] = Field(
        timedelta(seconds=120),
        description="Seconds a look before sending stays believable; older ones are repeated, at a 30th of a request.",
    )
    stamp_timeout: Annotated[timedelta, BeforeValidator(Seconds(0.1, 3600))] = Field(
        timedelta(seconds=180),
        description="Seconds to wait for the answer to a stamp call: ten documents at the 15 s one was seen to take, "
        "and some. Giving up earlier makes documents uncertain that were on their way.",
    )
    read_timeout: Annotated[timedelta, BeforeValidator(Seconds(0.1, 600))] = Field(
        timedelta(seconds=30), description="Seconds to wait for the answer to a read, which may be repeated at will."
    )
    connect_timeout: Annotated[timedelta, BeforeValidator(Seconds(0.1, 120))] = Field(
        timedelta(seconds=10), description="Seconds to wait for a connection to Alegra; nothing has been sent by then."
    )
    confirm_schedule: Annotated[Schedule, BeforeValidator(Delays())] = Field(
        tuple(timedelta(seconds=s) for s in (2, 5, 15, 60, 300, 900)),
        description="Seconds between the reads after Alegra answered for a document: codes appear seconds later.",
    )
    waiting_schedule: Annotated[Schedule, BeforeValidator(Delays())] = Field(
        tuple(timedelta(seconds=s) for s in (5, 15, 60, 300, 900, 3600, 10800, 21600, 21600, 21600)),
        description="Seconds between the reads while the authority has not answered: about a day, then a person looks.",
    )
    uncertain_schedule: Annotated[Schedule, BeforeValidator(Delays())] = Field(
        tuple(timedelta(seconds=s) for s in (5, 15, 45, 120, 300, 900, 3600, 3600)),
        description="Seconds between the reads after an answer was lost; they must span `TIMBRE_QUIET_WINDOW`.",
    )
    quiet_window: Annotated[timedelta, BeforeValidator(Seconds(0, 7 * 24 * 3600))] = Field(
        timedelta(seconds=600),
        description="Seconds Alegra must show a document unstamped before it may be sent again: certification was "
        "seen to finish well after a client gave up.",
    )
    max_attempts: Annotated[int, BeforeValidator(Whole(1, 100))] = Field(
        4, description="Times a document may be put on the wire before a person must look."
    )

    requests_per_minute: Annotated[int, BeforeValidator(REQUESTS_PER_MINUTE)] = Field(
        150, description="Requests Alegra allows one user in `TIMBRE_QUOTA_WINDOW`; its headers correct it."
    )
    quota_window: Annotated[timedelta, BeforeValidator(Seconds(0.1, 3600))] = Field(
        timedelta(seconds=60), description="Seconds the quota counts over: Alegra's minute; shorter only to try things."
    )
    read_share: Annotated[float, BeforeValidator(Share(0.05, 0.95))] = Field(
        0.4, description="Part of the quota kept for reads: a batch of ten costs 1 stamp call and 0.67 reads."
    )
    max_in_flight: Annotated[int, BeforeValidator(Whole(1, 1000))] = Field(
        8,
        description="Stamp calls at once per account, at most: begun with half of it, one more while answers come in "
        "their usual time, half after a lost one. Eight spend the quota while a call takes 5 s: raise it for slower.",
    )
    min_in_flight: Annotated[int, BeforeValidator(Whole(1, 1000))] = Field(
        1, description="Stamp calls at once per account that are always allowed; above the most, the most counts."
    )

    lock_ttl: Annotated[timedelta, BeforeValidator(Seconds(1, 3600))] = Field(
        timedelta(seconds=30),
        description="Seconds after which a dead worker's document locks free themselves; a live one renews them.",
    )
    sweep_every: Annotated[timedelta, BeforeValidator(Seconds(0.1, 3600))] = Field(
        timedelta(seconds=10), description="Seconds between sweeps: how soon a lost message is made up for."
    )
    sweep_grace: Annotated[timedelta, BeforeValidator(Seconds(0, 3600))] = Field(
        timedelta(seconds=15), description="Seconds past the stamp timeout before a call's worker counts as dead."
    )
    pickup_timeout: Annotated[timedelta, BeforeValidator(Seconds(0.1, 3600))] = Field(
        timedelta(seconds=60),
        description="Seconds work handed to the broker may stay unclaimed before it goes out anew.",
    )
    probe_every: Annotated[timedelta, BeforeValidator(Seconds(0.1, 24 * 3600))] = Field(
        timedelta(seconds=300),
        description="Seconds between the probes of an account that Alegra refused: one document, or one read.",
    )
    redelivery: Annotated[timedelta, BeforeValidator(Seconds(1, 3600))] = Field(
        timedelta(seconds=300),
        description="Seconds after which a request whose worker died before writing it down is handed out again.",
    )

    nightly: Annotated[bool, BeforeValidator(Switch())] = Field(
        False, description="Emit every account's drafts each night. Off: emitting cannot be undone, so it is asked for."
    )
    nightly_hour: Annotated[time, BeforeValidator(Hour())] = Field(
        time(2), description="Local time of the night's start: after the day's work is in, before the offices open."
    )
    time_zone: Annotated[ZoneInfo | None, BeforeValidator(Zone())] = Field(
        None, description="Time zone of the night. Unset: that of the account's country."
    )
    nightly_min_age: Annotated[timedelta, BeforeValidator(Seconds(0, 365 * 24 * 3600))] = Field(
        timedelta(0), description="Seconds a draft must have existed for the night to take it; 0 takes all."
    )
    night_lease: Annotated[timedelta, BeforeValidator(Seconds(1, 24 * 3600))] = Field(
        timedelta(seconds=600),
        description="Seconds a night's worker may be silent before another takes the night over.",
    )
    nightly_numberings: Annotated[tuple[str, ...], BeforeValidator(NUMBERINGS)] = Field(
        (), description="numberTemplates (ids or prefixes) the night emits. Unset: every electronic one."
    )

    nightly_kinds: Annotated[tuple[str, ...], BeforeValidator(KIND_NAMES)] = Field(
        ("invoice",), description="Kinds of document the night emits."
    )

    worker_threads: Annotated[int, BeforeValidator(Whole(1, 1000))] = Field(
        64, description="Tasks at once per worker: calls only wait, so threads are cheap (8 accounts x 8 in flight)."
    )
    flower_user: str = Field("timbre", description="User name that opens Flower.")
    flower_password: SecretStr | None = Field(
        None, description="Password that opens Flower. Unset: `timbre up` makes one and keeps it in `TIMBRE_HOME`."
    )
    flower_port: Annotated[int, BeforeValidator(Whole(1, 65535))] = Field(
        5555, description="Port of Flower on this machine; when it is taken, `timbre up` takes a free one and says so."
    )
    log_level: Annotated[str, BeforeValidator(OneOf(("DEBUG", "INFO", "WARNING", "ERROR")))] = Field(
        "INFO", description="The least severe log line written."
    )
    log_format: Annotated[str, BeforeValidator(OneOf(("text", "json")))] = Field(
        "text", description="Log lines for people, or one JSON object a line for machines."
    )
    debug: Annotated[bool, BeforeValidator(Switch())] = Field(
        False, description="Show the traceback when a command meets something unforeseen; otherwise it goes to a file."
    )

    crash_at: str | None = Field(
        None,
        description="For the crash tests only: the point at which a worker kills itself, such as `stamp.claimed:2`.",
    )

    running: Running | None = Field(None, exclude=True, repr=False)
    """Not a variable: what `running.env` says, when the environment names no server itself."""
    warnings: tuple[str, ...] = Field((), exclude=True, repr=False)
    """Not a variable: sentences about what is probably a mistake."""

    @property
    def database(self) -> str:
        """The database's URL, for SQLAlchemy."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        if self.running is not None:
            return self.running.database_url.get_secret_value()
        return f"sqlite:///{self.home / 'timbre.db'}"

    @property
    def redis(self) -> str:
        """The URL of Redis. Raises `WrongSettings` when nobody says where it is."""
        if self.redis_url is not None:
            return self.redis_url.get_secret_value()
        if self.running is not None:
            return self.running.redis_url.get_secret_value()
        raise WrongSettings(
            [f"TIMBRE_REDIS_URL is not set and no `timbre up` has run in {self.home}: set it, or start `timbre up`."]
        )

    @property
    def broker(self) -> str:
        """The URL of Celery's broker. Raises `WrongSettings` when nobody says where it is."""
        return self.broker_url.get_secret_value() if self.broker_url is not None else self.redis

    @property
    def accounts_table(self) -> Path | None:
        """The accounts file; that of the running demo when the environment names no account at all."""
        if self.accounts_file is None and self.alegra_token is None and self.running is not None:
            return self.running.accounts_file
        return self.accounts_file

    @property
    def beat_schedule_file(self) -> Path:
        """Where beat remembers what it last sent."""
        return self.home / "beat-schedule"


def variables() -> dict[str, FieldInfo]:
    """Every environment variable and the field it fills."""
    derived = {"running", "warnings"}
    return {PREFIX + name.upper(): field for name, field in Settings.model_fields.items() if name not in derived}


def reader_of(name: str) -> Reader:
    """What turns written text into the value of a setting; the accounts file writes its overrides the same way."""
    for part in Settings.model_fields[name].metadata:
        if isinstance(part, BeforeValidator):
            return cast("Reader", part.func)
    raise KeyError(name)


def allowed_for(name: str) -> str:
    """What may be written for a setting, in words."""
    try:
        return reader_of(name).allowed
    except KeyError:
        return "a path" if "Path" in str(Settings.model_fields[name].annotation) else "text"
