"""A faithful stand-in for Alegra's App API: the other side of the wire, for demos, tests and trial runs.

It imports nothing else of the worker, so that a mistake made there cannot be made here too.
"""

from worker.sandbox.accounts import Credentials
from worker.sandbox.client import FaultControl, SandboxControl, SandboxRefused, SandboxUnreachable
from worker.sandbox.fault_kinds import WrongFault
from worker.sandbox.fault_list import FAULTS, Fault
from worker.sandbox.faults import read_settings
from worker.sandbox.outcomes import PLANTS, Plant
from worker.sandbox.running import Options, run
from worker.sandbox.server import SandboxServer, serve
from worker.sandbox.world import World

__all__ = [
    "FAULTS",
    "PLANTS",
    "Credentials",
    "Fault",
    "FaultControl",
    "Options",
    "Plant",
    "SandboxControl",
    "SandboxRefused",
    "SandboxServer",
    "SandboxUnreachable",
    "World",
    "WrongFault",
    "read_settings",
    "run",
    "serve",
]
