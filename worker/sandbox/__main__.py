"""`python -m worker.sandbox`: the stand-in for Alegra as a process of its own."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from worker.sandbox.fault_list import FAULTS
from worker.sandbox.running import Options, run


def main(arguments: list[str] | None = None) -> int:
    """Read the command line and serve; returns the exit code."""
    faults = "\n".join(
        f"  {fault.name} ({fault.kind.name}, {fault.default!r}): {fault.meaning}" for fault in FAULTS.values()
    )
    parser = argparse.ArgumentParser(
        prog="python -m worker.sandbox",
        description="A faithful stand-in for Alegra's App API.",
        epilog=f"faults:\n{faults}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8765, help="0 takes a free one")
    parser.add_argument("--data", type=Path, help="directory in which everything is remembered")
    parser.add_argument("--account", action="append", default=[], metavar="NAME:COUNTRY[:TOKEN]")
    parser.add_argument("--drafts", action="append", default=[], metavar="ACCOUNT=COUNT[,OUTCOME=COUNT]")
    parser.add_argument("--fault", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--json", action="store_true", help="tell the address as JSON")
    read = parser.parse_args(arguments)
    return run(
        Options(read.host, read.port, read.data, tuple(read.account), tuple(read.drafts), tuple(read.fault), read.json)
    )


if __name__ == "__main__":
    sys.exit(main())
