"""Where everything of a campaign is: the rules and the command line say it the same way.

Arguments may be a rule's wildcards, e.g. ``table(campaign, "{table}")``.
"""

from datetime import UTC, datetime
from pathlib import Path

RESULTS = Path("results")
FIGURES = Path("figures")
LOGS = Path("logs")
CELL = "{vpn}/{tuning}/{profile}/{benchmark}/{round}"
"""`Cell.path` of any cell."""
CALIBRATED = "{profile}/{round}"
"""`Calibrated.path` of any calibration."""
BRACKETED = "{profile}/{benchmark}/{round}"
"""`Bracketed.path` of any measurement of the bare link around a round."""
STATE = Path(".meshbench")
"""What is kept of a checkout besides its results, and is nobody else's."""


def log(campaign: str, *words: str) -> Path:
    """What a job had to say."""
    return LOGS.joinpath(campaign, *words[:-1], f"{words[-1]}.log")


def package(campaign: str, system: str) -> Path:
    """What became of a system's packages on this machine."""
    return RESULTS / campaign / "packages" / f"{system}.json"


def program(campaign: str, benchmark: str) -> Path:
    """The same of the programs that a benchmark brings along."""
    return RESULTS / campaign / "packages" / "benchmarks" / f"{benchmark}.json"


def deployment(campaign: str, system: str) -> Path:
    """What was installed of a system on the hosts."""
    return RESULTS / campaign / "deploy" / f"{system}.json"


def record(campaign: str, cell: str, key: str) -> Path:
    """The record of a cell, by its `path`, that the settings with this key make."""
    return RESULTS / campaign / "raw" / cell / f"{key}.json"


def calibration(campaign: str, placement: str, step: str, key: str) -> Path:
    """The same of a calibration."""
    return RESULTS / campaign / "calibration" / placement / step / f"{key}.json"


def bracket(campaign: str, side: str, placement: str, step: str, key: str) -> Path:
    """The same of the bare link before or after a round."""
    return RESULTS / campaign / "bracket" / side / placement / step / f"{key}.json"


def kept(path: Path, started: datetime) -> Path:
    """Where a record goes when the same settings were measured again."""
    campaign = RESULTS / path.relative_to(RESULTS).parts[0]
    name = started.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    return campaign / "kept" / path.relative_to(campaign).with_suffix("") / f"{name}.json"


def wave(campaign: str, round_: str, key: str) -> Path:
    """Which systems are measured again after a round, and why the others are not; the key tells the
    records and the limit that it was decided by.
    """
    return RESULTS / campaign / "waves" / round_ / f"{key}.json"


def secrets(campaign: str) -> Path:
    """Keys of the campaign's VPNs, mode 600; never read by anything that writes results."""
    return STATE / "secrets" / campaign


def imported(campaign: str) -> Path:
    """What became of every file of an import."""
    return RESULTS / campaign / "published" / "import.json"


def imported_table(campaign: str) -> Path:
    """The same as a table."""
    return RESULTS / campaign / "published" / "import.parquet"


def runs(campaign: str) -> Path:
    """What an import says of each run that it read."""
    return RESULTS / campaign / "published" / "facts.json"


def samples(campaign: str, benchmark: str, vpn: str) -> Path:
    """Tidy values of one benchmark and system."""
    return RESULTS / campaign / "samples" / f"benchmark={benchmark}" / f"vpn={vpn}.parquet"


def links(campaign: str, benchmark: str, vpn: str) -> Path:
    """Tidy links of one benchmark and system."""
    return RESULTS / campaign / "links" / f"benchmark={benchmark}" / f"vpn={vpn}.parquet"


def events(campaign: str, benchmark: str, vpn: str) -> Path:
    """What the units of one system logged beside the single RTTs of one benchmark."""
    return RESULTS / campaign / "events" / f"benchmark={benchmark}" / f"vpn={vpn}.parquet"


def calibration_samples(campaign: str) -> Path:
    """Tidy values of every calibration."""
    return RESULTS / campaign / "calibration" / "samples.parquet"


def calibration_links(campaign: str) -> Path:
    """Tidy links of every calibration."""
    return RESULTS / campaign / "calibration" / "links.parquet"


def bracket_samples(campaign: str) -> Path:
    """Tidy values of the bare link around every round."""
    return RESULTS / campaign / "bracket" / "samples.parquet"


def bracket_links(campaign: str) -> Path:
    """Tidy links of the bare link around every round."""
    return RESULTS / campaign / "bracket" / "links.parquet"


def imported_samples(campaign: str) -> Path:
    """Tidy values of an import."""
    return RESULTS / campaign / "samples" / "all.parquet"


def imported_links(campaign: str) -> Path:
    """Tidy links of an import."""
    return RESULTS / campaign / "links" / "all.parquet"


def table(campaign: str, name: str) -> Path:
    """An aggregate table."""
    return RESULTS / campaign / "tables" / f"{name}.parquet"


def findings(campaign: str) -> Path:
    """What the sanity rules found."""
    return RESULTS / campaign / "checks" / "findings.parquet"


def findings_page(campaign: str) -> Path:
    """The same as a fragment of HTML."""
    return RESULTS / campaign / "checks" / "findings.html"


def verdicts(campaign: str) -> Path:
    """What became of a text's claims."""
    return RESULTS / campaign / "checks" / "claims.csv"


def verdicts_page(campaign: str) -> Path:
    """The same as a fragment of HTML."""
    return RESULTS / campaign / "checks" / "claims.html"


def figure(campaign: str, name: str, kind: str) -> Path:
    """A figure or a printed table in one format."""
    return FIGURES / campaign / f"{name}.{kind}"


def comparison(campaign: str, kind: str) -> Path:
    """The campaign against others, in one format."""
    return FIGURES / campaign / f"comparison.{kind}"


def bundle(campaign: str) -> Path:
    """The JavaScript that the figures' pages share."""
    return FIGURES / campaign / "assets" / "vega.js"


def report(campaign: str) -> Path:
    """The page with everything on it."""
    return FIGURES / campaign / "report.html"
