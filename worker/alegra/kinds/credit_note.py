"""The credit note: takes back an invoice, or a part of it. Its `invoices` say which (observed, CO and CR)."""

from worker.alegra.kinds.shape import Shape

CREDIT_NOTE = Shape("credit_note", "credit-notes", "creditNote", follows=("invoices",))
