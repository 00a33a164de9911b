"""The customer debit note: adds to an invoice. Which key names that invoice is unknown; both that may are read."""

from worker.alegra.kinds.shape import Shape

INCOME_DEBIT_NOTE = Shape("income_debit_note", "income-debit-notes", "incomeDebitNote", follows=("invoices", "invoice"))
