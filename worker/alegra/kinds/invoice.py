"""The sales invoice: the only kind that is stamped ten at a time."""

from worker.alegra.kinds.shape import Shape, Stamped

INVOICE = Shape("invoice", "invoices", "invoice", stamped=Stamped.TOGETHER, listed_by_client=True)
