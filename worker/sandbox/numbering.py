"""Number templates: the numberings an account has, electronic or not, in force or not, and their next consecutive."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from worker.sandbox.kinds import INVOICE, KINDS
from worker.sandbox.nations import Nation, Series


class NumbersExhausted(Exception):
    """The numbering has no consecutive left in its authorised range."""


@dataclass(slots=True)
class NumberTemplate:
    """One numbering, as GET /number-templates shows it."""

    id: str
    name: str
    series: Series
    document_type: str
    is_electronic: bool
    status: str
    is_default: bool
    next_number: int
    max_number: int
    resolution: str | None
    start_date: str
    end_date: str | None

    def take(self) -> int:
        """The next consecutive; taken is taken. Raises `NumbersExhausted`."""
        number = self.next_number
        if number > self.max_number:
            raise NumbersExhausted(f"{self.series.prefix}{number}")
        self.next_number = number + 1
        return number

    def written(self, number: int) -> str:
        """The full number: prefix, joint and consecutive."""
        digits = str(number).zfill(self.series.width) if self.series.width else str(number)
        return f"{self.series.prefix}{self.series.joint}{digits}"

    def as_json(self) -> dict[str, Any]:
        """The resource; numbers come as strings or not, as Alegra's do."""
        return {
            "id": self.id,
            "name": self.name,
            "prefix": self.series.prefix or None,
            "documentType": self.document_type,
            "subDocumentType": self.series.sub_document_type or None,
            "isElectronic": self.is_electronic,
            "status": self.status,
            "isDefault": self.is_default,
            "autoincrement": True,
            "minInvoiceNumber": str(self.series.first),
            "maxInvoiceNumber": str(self.max_number),
            "nextInvoiceNumber": str(self.next_number),
            "resolutionNumber": self.resolution,
            "startDate": self.start_date,
            "endDate": self.end_date,
            "invoiceText": None,
            "deletable": False,
            "branchOffice": None,
        }


def templates_for(nation: Nation, this_year: int) -> list[NumberTemplate]:
    """What every account starts with: electronic numberings, an expired one, a paper one, one for each other kind."""
    paper = Series("POS", 1, 0, "", "")
    templates = [
        _template(nation, series, this_year, is_default=place == 0) for place, series in enumerate(nation.series)
    ]
    templates += [
        _template(nation, nation.series[0], this_year - 4, status="inactive", name="Factura electrónica (vencida)"),
        _template(nation, paper, this_year, is_electronic=False, name="Factura de mostrador"),
        *(
            _template(
                nation,
                kind.numbering(nation),
                this_year,
                document_type=kind.document_type,
                name=f"{kind.title.partition(' ')[2].capitalize()} electrónica",
            )
            for kind in KINDS.values()
            if kind is not INVOICE and nation.iso in kind.countries
        ),
    ]
    return [replace(template, id=str(place)) for place, template in enumerate(templates, start=1)]


def _template(
    nation: Nation,
    series: Series,
    year: int,
    *,
    name: str = "Factura electrónica",
    document_type: str = "invoice",
    is_electronic: bool = True,
    status: str = "active",
    is_default: bool = False,
) -> NumberTemplate:
    return NumberTemplate(
        id="",
        name=f"{name} {series.prefix}".strip(),
        series=series,
        document_type=document_type,
        is_electronic=is_electronic,
        status=status,
        is_default=is_default,
        next_number=series.first,
        max_number=series.first + 9_999_998,
        resolution=f"1876{year}00{nation.iso}" if is_electronic else None,
        # Drafts of January are dated back to December.
        start_date=f"{year - 1}-01-01",
        end_date=f"{year + 2}-12-31" if is_electronic else None,
    )
