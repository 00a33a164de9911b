"""The vendor debit note: adjusts a purchase. Alegra shows its `emissionStatus`; where its code stands is unknown."""

from worker.alegra.kinds.shape import Shape

DEBIT_NOTE = Shape("debit_note", "debit-notes", "debitNote", parties=("provider", "client"), follows=("bills", "bill"))
