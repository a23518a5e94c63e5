"""A copy of the checkout that a test may spoil, and real Snakemake runs in it."""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PARTS = ("Snakefile", "rules", "scripts", "config", "profiles", "tools", "environment.yml")
MADE = ("results", "figures", ".snakemake")
CAMPAIGN = """\
campaign: trial
testbed: fake
seed: 1
rounds: 1
vpns: [internal, wireguard, nebula]
profiles: [baseline, low]
figures: [rtt, tcp_throughput]
benchmarks:
  ping: {count: 5}
  tcp: {duration_s: 1, modes: [bidir]}
"""
LIMIT_S = 300
_STARTED = re.compile(r"^\[ *\d+/\d+\] (.*), about [\d:]+ left$", re.MULTILINE)
_PLANNED = re.compile(r"^Job \d+: (.*)$", re.MULTILINE)


_PLACES = """\
import json, pathlib
from meshbench.config.sources import Source
from meshbench.workflow import hooks
from meshbench.workflow.settings import Setup
file = pathlib.Path("config/config.yaml")
setup = Setup(hooks.load(Source.read(file).data, [file]))
print(json.dumps({step.path: str(place) for step, place in setup.records.items()}))
"""


def _numbered(text: str, number: str) -> str:
    return re.sub(r'(round\\*": )1\b', rf"\g<1>{number}", text)


@dataclass(frozen=True)
class Ran:
    """How a run ended, and the messages of the jobs it started (or would start)."""

    status: int
    text: str
    jobs: tuple[str, ...]

    @classmethod
    def of_text(cls, done: subprocess.CompletedProcess[str]) -> "Ran":
        return cls(done.returncode, done.stdout, tuple(_STARTED.findall(done.stdout)))

    def of(self, rule: str) -> set[str]:
        """Its jobs whose message begins with a word, without the word."""
        return {job.removeprefix(f"{rule} ") for job in self.jobs if job.startswith(f"{rule} ")}

    @property
    def kinds(self) -> set[str]:
        return {job.partition(" ")[0] for job in self.jobs}


@dataclass(frozen=True)
class Checkout:
    """The project in a folder of its own, with the environment that is running the tests."""

    path: Path

    @classmethod
    def make(cls, path: Path, campaign: str = CAMPAIGN) -> "Checkout":
        """A new one of what is checked out here, with a campaign of its own."""
        checkout = cls(ROOT).clone(path)
        checkout.write("config/config.yaml", campaign)
        return checkout

    def clone(self, path: Path) -> "Checkout":
        """Another one of the same sources with nothing made; every file is new."""
        path.mkdir()
        ignored = shutil.ignore_patterns("__pycache__", "build", "*.egg-info")
        for part in PARTS:
            source = self.path / part
            if source.is_dir():
                shutil.copytree(source, path / part, ignore=ignored, copy_function=shutil.copyfile)
            else:
                shutil.copyfile(source, path / part)
        return type(self)(path)

    def copy(self, path: Path) -> "Checkout":
        """Another one in the same state, modification times included."""
        subprocess.run(["cp", "-a", self.path, path], check=True)
        return Checkout(path)

    def environment(self, **more: str) -> dict[str, str]:
        """Modules come from this folder, not from where the package is installed from."""
        outer = {key: value for key, value in os.environ.items() if not key.startswith("MESHBENCH")}
        outer.pop("CI", None)
        return {
            **outer,
            "PATH": f"{Path(sys.executable).parent}:{outer['PATH']}",
            "PYTHONPATH": str(self.path / "scripts"),
            "PYTHONUNBUFFERED": "1",
            **more,
        }

    def call(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            words,
            cwd=self.path,
            env=self.environment(**environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )

    def run(self, *words: str, **environment: str) -> Ran:
        """Everything that is out of date is made; the run must succeed."""
        ran = self.tries(*words, **environment)
        assert ran.status == 0, ran.text
        return ran

    def tries(self, *words: str, **environment: str) -> Ran:
        return Ran.of_text(
            self.call("snakemake", "--cores", "2", "figures/all", *words, **environment)
        )

    def would(self, *words: str) -> Ran:
        """What a run would do."""
        done = self.call("snakemake", "--dry-run", "figures/all", *words)
        assert done.returncode == 0, done.stdout
        return Ran(0, done.stdout, tuple(_PLANNED.findall(done.stdout)))

    def python(self, *words: str, **environment: str) -> str:
        done = self.call("python", *words, **environment)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def write(self, file: str, text: str) -> None:
        (self.path / file).write_text(text, encoding="utf-8")

    def edit(self, file: str, old: str, new: str) -> None:
        text = (self.path / file).read_text(encoding="utf-8")
        assert old in text, f"{old!r} is not in {file}"
        self.write(file, text.replace(old, new))

    def append(self, file: str, text: str) -> None:
        with (self.path / file).open("a", encoding="utf-8") as stream:
            stream.write(text)

    @property
    def raw(self) -> Path:
        return self.path / "results" / "trial" / "raw"

    def records(self, pattern: str = "*") -> Mapping[str, bytes]:
        """Every record, or those of VPNs whose name matches, by its path below raw/."""
        paths = self.raw.glob(f"{pattern}/**/*.json")
        return {str(path.relative_to(self.raw)): path.read_bytes() for path in paths}

    def places(self) -> Mapping[str, Path]:
        """By cell or calibration, where the record that its settings make is to be."""
        by_step: dict[str, str] = json.loads(self.python("-c", _PLACES))
        return {step: self.path / place for step, place in by_step.items()}

    def grow(self, rounds: int) -> None:
        """As if the campaign had been measured in so many rounds: round 1 is copied, with what
        Snakemake remembers of it.
        """
        self.edit("config/config.yaml", "rounds: 1", f"rounds: {rounds}")
        memory = self.path / ".snakemake" / "metadata"
        places = self.places()
        for step, copy in places.items():
            name, _, number = step.rpartition("/")
            if number == "1":
                continue
            path = places[f"{name}/1"]
            text = _numbered(path.read_text(encoding="utf-8"), number)
            metadata = (memory / self._remembered(path)).read_text(encoding="utf-8")
            remembered = metadata.replace(f"/1/{path.stem}", f"/{number}/{copy.stem}")
            copy.parent.mkdir(parents=True)
            copy.write_text(text, encoding="utf-8")
            memory.joinpath(self._remembered(copy)).write_text(
                _numbered(remembered, number), encoding="utf-8"
            )

    def _remembered(self, path: Path) -> str:
        name = str(path.relative_to(self.path)).encode()
        return base64.b64encode(name, altchars=b"-_").decode()

    def cells(self, **words: str) -> set[str]:
        """The cells of the test campaign as measuring announces them, or some of them."""
        return {
            f"{vpn} {profile} {benchmark}, round 1"
            for vpn in words.get("vpn", "internal wireguard nebula").split()
            for profile in words.get("profile", "baseline low").split()
            for benchmark in words.get("benchmark", "ping tcp").split()
        }
