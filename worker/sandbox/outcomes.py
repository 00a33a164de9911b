"""What can be planted in a document: how it ends when somebody stamps it, or the state it is in before anybody does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Plant:
    """One kind of outcome: its name, its sentence, and its defaults."""

    name: str
    meaning: str
    code: int | None = None
    message: str | None = None
    times: int | None = None
    """How many stamp calls it spoils before the document is accepted; None is all of them."""
    delay: float | None = None
    """Seconds until the verdict; None follows the setting `verdict_delay`."""


PLANTS: Final[Mapping[str, Plant]] = MappingProxyType(
    {
        plant.name: plant
        for plant in (
            Plant("accept", "A draft that is emitted and accepted."),
            Plant("observations", "Accepted with observations; `stamp.warnings` lists them."),
            Plant("late_acceptance", "WAITING, then accepted after `delay` seconds.", delay=30),
            Plant("late_rejection", "WAITING, then rejected by the authority after `delay` seconds.", delay=30),
            Plant("waiting", "WAITING for ever: the authority never answers."),
            Plant("rejected", "Emitted, and rejected by the authority at once; the code stays visible."),
            Plant(
                "data_error", "Refused by an error row because its data is wrong; nothing is emitted.",
                3051, "AEP6016 El correo del cliente es obligatorio",
            ),
            Plant(
                "flawed", "Its fields hold a mistake that its country's authority refuses, by an error row; "
                "which one, the seed decides. Corrected, it is accepted.",
            ),
            Plant("doubtful", "Its fields hold something unusual that is accepted all the same."),
            Plant(
                "config_error", "Refused by an error row because the account is not set up; nothing is emitted.",
                20007, "La resolución electrónica de la numeración no es válida",
            ),
            Plant(
                "transient", "Refused by an error row `times` times, because the authority does not answer.",
                3051, "EPR500 Error de comunicación con la entidad, intente más tarde", times=1,
            ),
            Plant(
                "poison", "Its whole batch is refused with 400 {code, message} and no ids; nothing is emitted.",
                902, "No fue posible procesar la solicitud",
            ),
            Plant("open", "Opened and numbered by its owner, but not stamped; can be stamped."),
            Plant("stamped", "Already stamped before anybody asks; its first entry in the ledger says `seed`."),
            Plant("void", "Voided; cannot be stamped.", 3051, "No se puede emitir una factura anulada"),
            Plant(
                "not_electronic", "On a numbering that is not electronic; cannot be stamped.",
                3051, "La numeración de la factura no es electrónica",
            ),
        )
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outcome:
    """A plant in one document, with that document's own details."""

    name: str = "accept"
    code: int | None = None
    message: str | None = None
    times: int | None = None
    delay: float | None = None

    def as_json(self) -> dict[str, Any]:
        """The same as JSON; `read_outcome` reads it back."""
        return {"name": self.name} | {
            key: value
            for key in ("code", "message", "times", "delay")
            if (value := getattr(self, key)) is not None
        }  # fmt: skip


ACCEPT: Final = Outcome()


def read_outcome(raw: object, field: str = "outcome") -> Outcome:
    """An outcome from its name or from an object with `name` and details. Raises `ValueError`, with a sentence."""
    if isinstance(raw, str):
        raw = {"name": raw}
    if not isinstance(raw, Mapping):
        # One kind of error for whatever a person may have written.
        raise ValueError(f"{field}: {raw!r} is neither a name nor an object with a name")  # noqa: TRY004
    unknown = set(raw) - {"name", "code", "message", "times", "delay"}
    if unknown:
        raise ValueError(f"{field}: {min(map(str, unknown))!r} is not one of name, code, message, times, delay")
    name = raw.get("name", "accept")
    if name not in PLANTS:
        raise ValueError(f"{field}: {name!r} is not one of {', '.join(PLANTS)}")
    plant = PLANTS[name]
    return Outcome(
        name,
        _whole(raw.get("code", plant.code), f"{field}.code"),
        _text(raw.get("message", plant.message), f"{field}.message"),
        _whole(raw.get("times", plant.times), f"{field}.times"),
        _seconds(raw.get("delay", plant.delay), f"{field}.delay"),
    )


def _whole(raw: object, field: str) -> int | None:
    if raw is None or (isinstance(raw, int) and not isinstance(raw, bool) and raw >= 0):
        return raw
    raise ValueError(f"{field}: {raw!r} is not a whole number of 0 or more")


def _text(raw: object, field: str) -> str | None:
    if raw is None or isinstance(raw, str):
        return raw
    raise ValueError(f"{field}: {raw!r} is not a text")


def _seconds(raw: object, field: str) -> float | None:
    if raw is None or (isinstance(raw, int | float) and not isinstance(raw, bool) and raw >= 0):
        return raw
    raise ValueError(f"{field}: {raw!r} is not a number of seconds, 0 or more")
