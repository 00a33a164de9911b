"""Everything on one machine with nothing installed: private servers, the Celery processes, and who looks after them."""
