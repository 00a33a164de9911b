"""How a stamped document is corrected in each country: by a credit note, and with which reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from worker.countries.rules import Language


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason for a credit note, under the code that Alegra or the authority gives it."""

    code: str
    en: str
    es: str
    whole: bool | None = None
    """It takes the whole document back, or only a part; None: either."""

    def said(self, lang: Language) -> str:
        """The reason in words."""
        return self.es if lang == "es" else self.en


@dataclass(frozen=True, slots=True)
class Corrections:
    """What one country asks of a credit note."""

    en: str
    es: str
    reasons: tuple[Reason, ...] = ()
    field: str | None = None
    """Under which key Alegra takes the reason's code; None where that is unknown, and the draft has to be completed."""
    cause: bool = False
    """`cause`, a reason in words, goes with it."""
    series: str | None = None
    """How the numbering's `subDocumentType` must begin."""
    follows_letter: bool = False
    """The numbering is of the corrected document's letter: A, B, C in Argentina, F, B in Peru."""
    source: str = ""

    def reason(self, code: str) -> Reason | None:
        """The reason of this code."""
        return next((each for each in self.reasons if each.code == code), None)

    def usual(self, *, whole: bool) -> Reason | None:
        """The first reason that fits, when nobody chose one; None where Alegra takes none."""
        fitting = (each for each in self.reasons if each.whole in {None, whole})
        return next(fitting, None) if self.field else None

    def said(self, lang: Language) -> str:
        """What corrects a document here."""
        return self.es if lang == "es" else self.en


_CATALOGUE: Final = "Alegra's catálogo de parámetros (alegra-api.md §5)"

CORRECTIONS: Final[Mapping[str, Corrections]] = MappingProxyType(
    {
        "CO": Corrections(
            "A credit note that names the invoice and its reason; the DIAN accepts no change of an accepted invoice.",
            "Una nota crédito que nombra la factura y el motivo; la DIAN no admite cambios en una factura aceptada.",
            (
                Reason("VOID_ELECTRONIC_INVOICE", "the invoice is void", "anulación de factura electrónica", True),
                Reason("PARTIALL_DEVOLUTION", "a part is returned", "devolución de parte de los bienes", False),
                Reason("REDUCTION_DISCOUNT_PARTIAL_TOTAL", "discount", "rebaja o descuento parcial o total"),
                Reason("PRICE_ADJUSTMENT", "the price is adjusted", "ajuste de precio"),
                Reason("OTHER", "another reason", "otros"),
            ),
            field="type",
            cause=True,
            source=f"{_CATALOGUE}; without a type Alegra answers 9070 (observed)",
        ),
        "CR": Corrections(
            "An electronic credit note that refers to the invoice's clave, with a reference code.",
            "Una nota de crédito electrónica que referencia la clave de la factura, con un código de referencia.",
            (
                Reason("VOID_REFERENCE_DOCUMENT", "the document is void", "anula documento de referencia", True),
                Reason("CORRECT_AMOUNT_OF_REFERENCE_DOCUMENT", "the amount is corrected", "corrige monto", False),
                Reason(
                    "CORRECT_TEXT_OF_REFERENCE_DOCUMENT",
                    "its text is corrected",
                    "corrige texto documento de referencia",
                ),
                Reason("REFERENCE_TO_OTHER_DOCUMENT", "it refers to another one", "referencia a otro documento"),
                Reason(
                    "SUBSTITUTION_OF_PROVISIONAL_DOCUMENT_BY_CONTINGENCY",
                    "it replaces a provisional one",
                    "sustituye comprobante provisional por contingencia",
                ),
                Reason("OTHER", "another reason", "otros"),
            ),
            field="type",
            source=_CATALOGUE,
        ),
        "PE": Corrections(
            "A credit note of the same letter as the document: F for a factura, B for a boleta.",
            "Una nota de crédito con la misma letra del comprobante: F para factura, B para boleta.",
            (
                Reason("VOID_OPERATION", "the sale is void", "anulación de la operación", True),
                Reason("DEVOLUTION_BY_ITEM", "some items are returned", "devolución por ítem", False),
                Reason("TOTAL_DEVOLUTION", "everything is returned", "devolución total", True),
                Reason("VOID_OPERATION_BY_ERROR_IN_RUC", "wrong RUC", "anulación por error en el RUC", True),
                Reason(
                    "CORRECTION_BY_ERROR_ON_DESCRIPTION",
                    "wrong description",
                    "corrección por error en la descripción",
                ),
                Reason("GLOBAL_DISCOUNT", "discount on the whole", "descuento global", False),
                Reason("DISCOUNT_BY_ITEM", "discount on items", "descuento por ítem", False),
                Reason("BONIFICATION", "a bonus", "bonificación", False),
                Reason("DECREASE_IN_VALUE", "its value decreases", "disminución en el valor", False),
                Reason("OTHER_CONCEPTS", "another reason", "otros conceptos"),
                Reason("EXPORT_OPERATIONS_SETTINGS", "an export is adjusted", "ajustes de operaciones de exportación"),
            ),
            field="type",
            follows_letter=True,
            source=f"{_CATALOGUE}; SUNAT, catálogo 09",
        ),
        "PA": Corrections(
            "A credit note that refers to the invoice's CUFE.",
            "Una nota de crédito que referencia el CUFE de la factura.",
            (
                Reason("CREDIT_NOTE_FE", "of an electronic invoice", "nota de crédito referente a una FE"),
                Reason("CREDIT_NOTE", "a generic one", "nota de crédito genérica"),
            ),
            field="type",
            source=_CATALOGUE,
        ),
        "DO": Corrections(
            "A credit note of type E34 that names the e-NCF it changes.",
            "Una nota de crédito de tipo E34 que nombra el e-NCF modificado.",
            (
                Reason("1", "the e-NCF is void", "anula el NCF modificado", True),
                Reason("3", "amounts are corrected", "corrige montos del NCF modificado", False),
                Reason("2", "text is corrected", "corrige texto del comprobante modificado"),
                Reason("4", "it replaces a contingency document", "reemplazo de NCF emitido en contingencia"),
            ),
            series="CREDIT_NOTE_E34",
            source="alegra-api.md §3 (E34); DGII, Formato e-CF, código de modificación: Alegra's field is unknown",
        ),
        "MX": Corrections(
            "An egress CFDI related to the invoice's UUID. One that must not stand at all is cancelled at the SAT, in "
            "Alegra's own screens.",
            "Un CFDI de egreso relacionado con el UUID de la factura. El que no debe existir se cancela ante el SAT, "
            "desde Alegra.",
            (
                Reason("01", "credit note of the related documents", "nota de crédito de los documentos relacionados"),
                Reason("03", "goods are returned", "devolución de mercancía sobre facturas o traslados previos"),
                Reason("04", "it replaces earlier CFDI", "sustitución de los CFDI previos"),
                Reason("07", "an advance payment is applied", "CFDI por aplicación de anticipo"),
            ),
            source="SAT, catálogo c_TipoRelacion of CFDI 4.0: Alegra's field is unknown",
        ),
        "AR": Corrections(
            "A credit note of the same letter as the invoice (A, B, C), related to it.",
            "Una nota de crédito de la misma letra que la factura (A, B, C), asociada a ella.",
            follows_letter=True,
            source="ARCA, RG 4540 (associated documents); alegra-api.md §9 (letters, inferred)",
        ),
    }
)
"""By ISO code."""
