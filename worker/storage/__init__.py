"""The database: mapped tables, every statement sent to them, and the one place that commits."""
