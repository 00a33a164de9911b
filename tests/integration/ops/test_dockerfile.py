"""ops/Dockerfile: its own steps, carried out in a clean directory that stands in for the image's root.

A virtual environment stands in for the base image's Python. What an engine alone can do stays untried: base image,
users, layers.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

import pytest
import yaml

pytestmark = pytest.mark.timeout(900)  # sixty packages from the registry, which may be slow

ROOT = Path(__file__).parents[3]

_REACHING = re.compile(r"HOME$|PIP_|UV_|SSL_CERT|.*_proxy$", re.IGNORECASE)

Step = tuple[str, str]
"""An instruction and what it says."""


def steps() -> list[Step]:
    """The Dockerfile's instructions, continued lines joined."""
    text = re.sub(r"\\\n", " ", (ROOT / "ops" / "Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(instruction, said.strip()) for instruction, _, said in (line.partition(" ") for line in lines)]


def reaches_the_build(path: PurePosixPath) -> bool:
    """Whether .dockerignore lets a file of the checkout into the build; the last pattern that matches decides."""
    seen = True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        pattern = line.removeprefix("!")
        candidates = [str(part) for part in (path, *path.parents) if str(part) != "."]
        if any(
            fnmatch(part, pattern) or (pattern.startswith("**/") and fnmatch(Path(part).name, pattern[3:]))
            for part in candidates
        ):
            seen = line.startswith("!")
    return seen


class Image:
    """A directory in which absolute paths of the Dockerfile lie."""

    def __init__(self, root: Path, context: Path) -> None:
        self.root = root
        self.context = context
        self.workdir = root
        self.environment: dict[str, str] = {}
        self.users: list[str] = []

    def inside(self, text: str) -> str:
        """A text with its absolute paths led into our directory."""
        return re.sub(r"(?<![\w./])/(?=(build|opt|var|usr/local)\b)", f"{self.root}/", text)

    def build(self) -> None:
        """Carry every step out."""
        subprocess.run([sys.executable, "-m", "venv", self.root / "usr" / "local"], check=True)
        for instruction, said in steps():
            getattr(self, f"_{instruction.lower()}", lambda _: None)(said)

    def _workdir(self, said: str) -> None:
        self.workdir = Path(self.inside(said))
        self.workdir.mkdir(parents=True, exist_ok=True)

    def _copy(self, said: str) -> None:
        if said.startswith("--from="):
            return  # Both stages share our directory.
        *sources, target = self.inside(said).split()
        for source in sources:
            to = self.workdir / target / Path(source).name if len(sources) > 1 else self.workdir / target
            to.parent.mkdir(parents=True, exist_ok=True)
            whole = self.context / source
            shutil.copytree(whole, to) if whole.is_dir() else shutil.copy(whole, to)

    def _env(self, said: str) -> None:
        self.environment |= dict(re.findall(r"(\w+)=(\S+)", self.inside(said)))

    def _user(self, said: str) -> None:
        self.users.append(said)

    def _run(self, said: str) -> None:
        if said.startswith("useradd "):
            # A user cannot be made in a directory; its home can.
            home = re.search(r"--home-dir (\S+)", said)
            assert home is not None
            Path(self.inside(home[1])).mkdir(parents=True)
            return
        # How this machine reaches its registry may be written in its home.
        reaching = {name: value for name, value in os.environ.items() if _REACHING.match(name)}
        path = f"{self.root}/usr/local/bin:/usr/bin:/bin"
        done = self.shell(self.inside(said), **reaching, PATH=path)
        assert done.returncode == 0, done.stdout + done.stderr

    def shell(self, command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """What a command does in the image, with nothing of ours around it."""
        whole = {"HOME": str(self.root)} | self.environment | environment
        return subprocess.run(
            ["/bin/sh", "-c", command], cwd=self.workdir, env=whole, capture_output=True, text=True, check=False
        )


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """The image built from what .dockerignore lets through of the checkout, and from nothing beside it."""
    context, root = tmp_path_factory.mktemp("context"), tmp_path_factory.mktemp("image")
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    for name in filter(lambda name: reaches_the_build(PurePosixPath(name)) and (ROOT / name).exists(), listed):
        (context / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, context / name)
    built = Image(root, context)
    built.build()
    return built


@pytest.mark.parametrize(
    "name", [".env", "accounts/acme.token", ".git/config", ".venv/bin/python", "tests/conftest.py"]
)
def test_secrets_and_tools_stay_out_of_the_build(name: str) -> None:
    assert not reaches_the_build(PurePosixPath(name))


def test_the_image_has_the_command_and_not_the_checkout(image: Image) -> None:
    answer = image.shell("timbre --help")
    assert answer.returncode == 0, answer.stderr
    assert "migrate" in answer.stdout
    where = image.shell("python -c 'import worker, timbre_producers as p; print(worker.__file__, p.__file__)'")
    assert str(ROOT) not in where.stdout
    assert where.stdout.count(str(image.root)) == 2


def test_the_image_makes_the_tables(image: Image) -> None:
    database = f"sqlite:///{image.root}/tables.db"
    made = image.shell("timbre migrate && timbre migrate --check", TIMBRE_DATABASE_URL=database)
    assert made.returncode == 0, made.stderr


def test_the_image_has_everything_celery_loads(image: Image) -> None:
    # A report imports the application and whatever its settings name; nothing needs to answer.
    answer = image.shell("celery -A worker.app report", TIMBRE_REDIS_URL="redis://127.0.0.1:1/0")
    assert answer.returncode == 0, answer.stderr
    loaded = image.shell("python -c 'import worker.tasks, worker.sandbox, worker.consumer, flower'")
    assert loaded.returncode == 0, loaded.stderr


def test_the_image_has_flowers_options_where_compose_looks_for_them(image: Image) -> None:
    command = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["flower"]["command"]
    (options,) = (word.removeprefix("--conf=") for word in command if word.startswith("--conf="))
    assert "read_only = True" in Path(image.inside(options)).read_text()


def test_the_image_has_no_tool_of_the_build(image: Image) -> None:
    assert image.shell("python -c 'import hatchling'").returncode != 0


def test_the_image_runs_as_its_own_user(image: Image) -> None:
    assert image.users == ["timbre"]
