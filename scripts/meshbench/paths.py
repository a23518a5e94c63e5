"""Where everything of a campaign is; the rules and the command line say it the same way."""

from pathlib import Path

RESULTS = Path("results")
FIGURES = Path("figures")
LOGS = Path("logs")


def raw(campaign: str) -> Path:
    return RESULTS / campaign / "raw"


def secrets(campaign: str) -> Path:
    """Keys of the campaign's VPNs, mode 600; never read by anything that writes results."""
    return RESULTS / campaign / "secrets"


def kept_settings(campaign: str) -> Path:
    return RESULTS / campaign / "campaign.json"
