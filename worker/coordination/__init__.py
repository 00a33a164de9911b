"""Redis: one lock per document, one budget per Alegra user, one pending nudge per account."""
