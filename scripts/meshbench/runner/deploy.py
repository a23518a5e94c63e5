"""Installing one system on all hosts, and the facts about it that never become false."""

from pathlib import Path
from typing import Any

from meshbench.config.profile import Profile
from meshbench.packages.store import Manifest
from meshbench.results.records import Model, Status
from meshbench.runner import reconcile
from meshbench.runner.jobs import DeployJob
from meshbench.runner.session import session
from meshbench.util.errors import VpnError
from meshbench.vpns.common import lifecycle
from meshbench.vpns.common.supplies import planned


class Deployment(Model):
    """What was installed where; no secrets and no time stamps, so that equal ones are equal."""

    campaign: str
    system: str
    driver: str
    status: Status = Status.OK
    reason: str | None = None
    versions: dict[str, str] = {}
    packages: dict[str, list[Manifest]] = {}
    """By host, where its programs come from, if not from Debian."""
    effective: dict[str, Any] = {}
    facts: dict[str, dict[str, str]] = {}
    files: dict[str, dict[str, str]] = {}
    """By host, path and mode of every file; digests only of those without secrets."""


async def deploy(job: DeployJob, store: Path) -> Deployment:
    """Install a system. What it cannot do is a result; raises TestbedError for our own trouble."""
    done = Deployment(campaign=job.campaign, system=job.name, driver=job.system.driver)
    async with session(job.site, Profile(), f"{job.campaign}: deploy {job.name}") as bed:
        try:
            supplies = planned(job.name, job.system, job.packages)
            built = await reconcile.assemble(
                bed, job.name, job.system, store, supplies, job.install
            )
            await lifecycle.install(built)
            done.versions = await lifecycle.versions(built)
        except VpnError as error:
            done.status, done.reason = Status(error.status), str(error)
            return done
        done.packages = {host: list(manifests) for host, manifests in built.packages.items()}
        done.effective = dict(built.driver.effective(built.network))
        done.facts = {host: dict(facts) for host, facts in built.facts.items()}
        done.files = {
            host.name: {
                str(file.path): "secret" if file.secret else file.digest
                for file in built.files(host.name)
            }
            for host in bed.hosts
        }
    return done
