"""Drafts of mixed quality: how many of which outcome, dealt over the documents by a seed."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from worker.sandbox.outcomes import PLANTS, Outcome, read_outcome


def reproducible(seed: str) -> Random:
    """Chance that comes out the same for the same seed."""
    return Random(seed)  # noqa: S311 - nothing here is a secret, and a run must replay


def dealt_outcomes(count: int, mix: Mapping[str, object], chance: Random) -> list[Outcome]:
    """One outcome for each of `count` documents. Raises `ValueError`, with a sentence.

    A whole number in `mix` is a count, a fraction below 1 a share of all (rounded down); the rest is accepted.
    """
    dealt: list[Outcome] = []
    for name, amount in mix.items():
        if name not in PLANTS:
            raise ValueError(f"mix: {name!r} is not one of {', '.join(PLANTS)}")
        dealt += [read_outcome(name)] * _how_many(name, amount, count)
    if len(dealt) > count:
        raise ValueError(f"mix: it adds up to {len(dealt)} documents, more than the {count} asked for")
    dealt += [read_outcome("accept")] * (count - len(dealt))
    chance.shuffle(dealt)
    return dealt


def _how_many(name: str, amount: object, count: int) -> int:
    if isinstance(amount, int | float) and not isinstance(amount, bool) and amount >= 0:
        if amount < 1 or (amount == 1 and isinstance(amount, float)):
            return int(count * amount)
        if amount == int(amount):
            return int(amount)
    raise ValueError(f"mix.{name}: {amount!r} is neither a count such as 3 nor a share such as 0.1")
