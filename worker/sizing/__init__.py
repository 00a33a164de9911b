"""Sizing: what a load of documents needs of workers, Redis and PostgreSQL, computed from what each one costs.

`ops/sizing` shows it; ops/sizing.md explains it with an example.
"""
