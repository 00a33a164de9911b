"""The transportation receipt (Peru's guía de remisión, Mexico's carta porte): no stamp path is documented."""

from worker.alegra.kinds.shape import Shape

TRANSPORTATION_RECEIPT = Shape("transportation_receipt", "transportation-receipts", "transportationReceipt")
