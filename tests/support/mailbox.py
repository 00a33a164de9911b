"""A producer's address for callbacks, on the loopback."""

from __future__ import annotations

import json
import queue
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, Self


class Mailbox:
    """Takes what is posted to `url`; `refuse` makes it answer 503 to so many posts first."""

    def __init__(self, *, refuse: int = 0) -> None:
        self._bodies: queue.Queue[dict[str, Any]] = queue.Queue()
        mailbox = self

        class Handler(BaseHTTPRequestHandler):
            refusals = refuse

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                refused = Handler.refusals > 0
                Handler.refusals -= refused
                self.send_response(503 if refused else 204)
                self.end_headers()
                if not refused:
                    mailbox._bodies.put(body)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base names it so
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/timbre"
        self._thread = threading.Thread(target=self._server.serve_forever)

    def take(self, patience: float = 60) -> dict[str, Any]:
        """The next callback. Raises `queue.Empty` when none comes."""
        return self._bodies.get(timeout=patience)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
