"""The rules of every country: somebody to sell to, something sold, on a numbering that still has numbers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Final

from worker.countries.draft import Draft
from worker.countries.rules import Finding, Rule, Severity, Words

NO_ITEMS: Final = Rule(
    "no-items",
    Severity.BLOCK,
    source="every authority's format asks for at least one line; Alegra: items is required (alegra-api.md §3)",
    en=Words("It has no items.", "Add what was sold."),
    es=Words("No tiene ítems.", "Agregue los productos o servicios vendidos."),
)
NO_QUANTITY: Final = Rule(
    "item-quantity",
    Severity.BLOCK,
    source="alegra-api.md §9: quantity above 0",
    en=Words("The quantity is not above zero.", "Write the quantity sold; give money back by a credit note."),
    es=Words("La cantidad no es mayor que cero.", "Escriba la cantidad vendida; para devolver, use una nota crédito."),
)
NO_DATE: Final = Rule(
    "date-missing",
    Severity.BLOCK,
    source="alegra-api.md §3: date is required",
    en=Words("It has no date.", "Write the issue date as YYYY-MM-DD."),
    es=Words("No tiene fecha.", "Escriba la fecha de emisión como AAAA-MM-DD."),
)
NO_DUE_DATE: Final = Rule(
    "due-date-missing",
    Severity.BLOCK,
    source="Alegra's code 3007 (alegra-api.md §3), of invoices; a note falls due with the invoice it refers to",
    en=Words("It has no due date.", "Write dueDate; for a sale in cash it is the issue date."),
    es=Words("No tiene fecha de vencimiento.", "Escriba dueDate; en ventas de contado es la fecha de emisión."),
)
NO_CLIENT: Final = Rule(
    "client-missing",
    Severity.BLOCK,
    source="Alegra's code 3003 (alegra-api.md §3)",
    en=Words("It has no client.", 'Name the client by its id: {{"id": "77"}}.'),
    es=Words("No tiene cliente.", 'Indique el cliente por su id: {{"id": "77"}}.'),
)
NO_NUMBERING: Final = Rule(
    "numbering-missing",
    Severity.BLOCK,
    source="alegra-api.md §3: numberTemplate.id is required when stamping",
    en=Words("It is to be stamped and names no numbering.", "Name an electronic numberTemplate by its id."),
    es=Words("Se va a timbrar y no indica numeración.", "Indique el id de un numberTemplate electrónico."),
)
NO_NAME: Final = Rule(
    "client-name",
    Severity.BLOCK,
    source="every authority's format asks for the receiver's name; Alegra's token AEP6014",
    en=Words("The client has no name.", "Write the client's legal name in Alegra."),
    es=Words("El cliente no tiene nombre o razón social.", "Escriba la razón social del cliente en Alegra."),
)
NO_EMAIL: Final = Rule(
    "client-email",
    Severity.WARN,
    source="alegra-api.md §9: the client's e-mail",
    en=Words("The client has no e-mail: nobody receives the document.", "Write the client's e-mail in Alegra."),
    es=Words("El cliente no tiene correo: nadie recibe el documento.", "Escriba el correo del cliente en Alegra."),
)
FUTURE_DATE: Final = Rule(
    "date-in-the-future",
    Severity.WARN,
    source="alegra-api.md §9; most authorities refuse a date after the day of sending",
    en=Words("The date is after today ({today}).", "Emit it on that day, or correct the date."),
    es=Words("La fecha es posterior a hoy ({today}).", "Emítalo ese día o corrija la fecha."),
)
DUE_BEFORE_DATE: Final = Rule(
    "due-before-date",
    Severity.WARN,
    source="alegra-api.md §3",
    en=Words("It is due before its date ({date}).", "Correct dueDate."),
    es=Words("Vence antes de su fecha ({date}).", "Corrija la fecha de vencimiento."),
)
ZERO_TOTAL: Final = Rule(
    "total-zero",
    Severity.WARN,
    source="gifts and samples have rules of their own in every country",
    en=Words("The total is zero.", "Check the prices; a gift or sample needs its own treatment."),
    es=Words("El total es cero.", "Revise los precios; un obsequio o muestra tiene su propio tratamiento."),
)
PAST_DEADLINE: Final = Rule(
    "past-deadline",
    Severity.WARN,
    source="the deadlines of the country's module (worker/countries), each with its own source",
    en=Words("{en} That was until {until}.", "Date it anew, if that is true to the sale, or ask your accountant."),
    es=Words("{es} Fue hasta el {until}.", "Actualice la fecha si corresponde a la venta, o consulte a su contador."),
)
NUMBERS_USED_UP: Final = Rule(
    "numbering-used-up",
    Severity.BLOCK,
    source="Alegra's token AEP6011, rule 90: outside the authorised range (alegra-api.md §7.3)",
    en=Words(
        "The numbering ends at {last}, and its next number is {next}.",
        "Obtain a new range from the tax authority and enter it in Alegra.",
    ),
    es=Words(
        "La numeración termina en {last} y el siguiente número es {next}.",
        "Solicite un nuevo rango a la autoridad tributaria y regístrelo en Alegra.",
    ),
)
NUMBER_OUT_OF_RANGE: Final = Rule(
    "number-out-of-range",
    Severity.BLOCK,
    source="Alegra's token AEP6011, rule 90: outside the authorised range (alegra-api.md §7.3)",
    en=Words("The number is outside the authorised range {first} to {last}.", "Choose a numbering in force."),
    es=Words("El número está fuera del rango autorizado {first} a {last}.", "Elija una numeración vigente."),
)
NUMBERING_ENDED: Final = Rule(
    "numbering-ended",
    Severity.WARN,
    source="alegra-api.md §9: the numbering's endDate is not before the document's date",
    en=Words("The numbering ended on {ends}.", "Enter the renewed numbering in Alegra."),
    es=Words("La numeración venció el {ends}.", "Registre en Alegra la numeración renovada."),
)


def examine(draft: Draft, today: date) -> Iterator[Finding]:
    """The problems any country would see."""
    if draft.to_create:
        yield from _of_a_body(draft)
    if draft.shows("items") and not draft.lines:
        yield NO_ITEMS.broken("items")
    for place, line in enumerate(draft.lines):
        if line.quantity is not None and line.quantity <= 0:
            yield NO_QUANTITY.broken(f"items[{place}].quantity", line.quantity)
    if draft.lacks("client.name", draft.buyer.name):
        yield NO_NAME.broken("client.name")
    if draft.lacks("client.email", draft.buyer.email):
        yield NO_EMAIL.broken("client.email")
    if draft.issued and draft.issued > today:
        yield FUTURE_DATE.broken("date", draft.issued, today=today)
    if draft.issued and draft.due and draft.due < draft.issued:
        yield DUE_BEFORE_DATE.broken("dueDate", draft.due, date=draft.issued)
    if draft.total == 0:
        yield ZERO_TOTAL.broken("total", draft.total)
    yield from of_the_numbering(draft)


def _of_a_body(draft: Draft) -> Iterator[Finding]:
    if draft.issued is None:
        yield NO_DATE.broken("date")
    if draft.kind == "invoice" and draft.due is None:
        yield NO_DUE_DATE.broken("dueDate")
    if not draft.shows("client"):
        yield NO_CLIENT.broken("client")
    if not draft.shows("items"):
        yield NO_ITEMS.broken("items")
    if draft.generates_stamp and draft.numbering.id is None:
        yield NO_NUMBERING.broken("numberTemplate")


def of_the_numbering(draft: Draft) -> Iterator[Finding]:
    """What the numbering cannot give, where it is known how far it reaches."""
    numbering = draft.numbering
    first, last, number = numbering.first, numbering.last, draft.consecutive
    if number is not None:
        if (last is not None and number > last) or (first is not None and number < first):
            yield NUMBER_OUT_OF_RANGE.broken("numberTemplate.number", number, first=first, last=last)
    elif last is not None and numbering.next is not None and numbering.next > last:
        yield NUMBERS_USED_UP.broken("numberTemplate", numbering.prefix, last=last, next=numbering.next)
    if numbering.ends and draft.issued and draft.issued > numbering.ends:
        yield NUMBERING_ENDED.broken("numberTemplate", numbering.prefix, ends=numbering.ends)
