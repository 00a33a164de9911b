"""The domain: what may happen to a document and who decides it. No Celery, SQLAlchemy, Redis or httpx in here."""
