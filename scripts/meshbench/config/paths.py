"""Where everything of a campaign is; the rules and the command line say it the same way."""

from pathlib import Path

from meshbench.config.models import Campaign
from meshbench.config.plan import Calibrated

RESULTS = Path("results")
FIGURES = Path("figures")
LOGS = Path("logs")
STATE = Path(".meshbench")
"""What is kept of a checkout besides its results, and is nobody else's."""


def raw(campaign: str) -> Path:
    return RESULTS / campaign / "raw"


def package(campaign: str, system: str) -> Path:
    """What became of a system's packages on this machine."""
    return RESULTS / campaign / "packages" / f"{system}.json"


def deployment(campaign: str, system: str) -> Path:
    return RESULTS / campaign / "deploy" / f"{system}.json"


def imported(campaign: str) -> Path:
    """What became of every file of an import."""
    return RESULTS / campaign / "published" / "import.json"


def secrets(campaign: str) -> Path:
    """Keys of the campaign's VPNs, mode 600; never read by anything that writes results."""
    return STATE / "secrets" / campaign


def calibration(campaign: Campaign, step: Calibrated) -> Path:
    folder = RESULTS / campaign.name / "calibration" / campaign.file.placement
    return folder / step.profile / f"{step.round}.json"
