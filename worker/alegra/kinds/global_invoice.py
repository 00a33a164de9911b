"""The global invoice: a period's sales to nobody in particular (Mexico).

Alegra stamps it as it creates it, and leaves a draft when that fails; that editing stamps such a draft is assumed.
"""

from worker.alegra.kinds.shape import Shape

GLOBAL_INVOICE = Shape("global_invoice", "global-invoices", "globalInvoice")
