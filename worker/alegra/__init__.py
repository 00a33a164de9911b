"""Alegra's API: the HTTP client, the reading of its answers, its catalogue of errors. Nothing else knows its JSON."""
