"""The command line beside Snakemake: `python -m meshbench`."""

import argparse
import asyncio
import os
import shlex
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from meshbench.cli import checks, compare, controls, power
from meshbench.config.models import Campaign
from meshbench.config.models import schemas as config_schemas
from meshbench.config.sources import Source, merge, read_setting
from meshbench.config.testbeds import LabTestbed, SshTestbed
from meshbench.impairment import kernel
from meshbench.report import cards, generated
from meshbench.runner import clean
from meshbench.runner.session import lab_of
from meshbench.testbed.lab import machine
from meshbench.util.errors import MeshbenchError
from meshbench.workflow import estimate, hooks, summary
from meshbench.workflow.hooks import CONFIG
from meshbench.workflow.settings import Setup


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.command(options)
    except MeshbenchError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m meshbench", description=__doc__)
    parser.add_argument("--configfile", type=Path, default=CONFIG / "config.yaml")
    parser.set_defaults(config=[])
    # Of each command, not before it: a list of settings would take the command for one of them.
    settings = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    settings.add_argument("--configfile", type=Path)
    settings.add_argument(
        "--config", nargs="*", metavar="KEY=VALUE", help="as Snakemake's --config"
    )
    commands = parser.add_subparsers(required=True)
    for name, function, text in (
        (
            "plan",
            _plan,
            "the cells in their order, what will run, what is reused, how long it takes",
        ),
        (
            "failed",
            _failed,
            "what is not ok: records of cells, packages, installations; for snakemake -R",
        ),
        (
            "marked",
            _marked,
            "records of cells and calibrations of doubtful circumstances; for snakemake -R",
        ),
        ("summary", _summary, "what the campaign's records say"),
        ("schema", _schema, "write the JSON schemas of the configuration"),
    ):
        commands.add_parser(name, help=text, parents=[settings]).set_defaults(command=function)
    pages = commands.add_parser(
        "cards", help="what is known of each VPN, with the versions measured", parents=[settings]
    )
    pages.add_argument("file", type=Path, nargs="?", help="write it there, without the versions")
    pages.set_defaults(command=_cards)
    docs = commands.add_parser("docs", help="write the pages of docs/ that are made from the code")
    docs.add_argument("folder", type=Path, nargs="?", default=Path("docs"))
    docs.set_defaults(command=_docs)
    checks.add(commands)
    compare.add(commands)
    controls.add(commands)
    power.add(commands)
    hosts = commands.add_parser("hosts", help="hosts of your own: clean")
    hosts.set_defaults(command=_clean_hosts)
    hosts.add_subparsers(required=True, dest="action").add_parser(
        "clean", help="take everything of meshbench off them", parents=[settings]
    )
    lab = commands.add_parser("lab", help="the local lab: up, down, status, shell")
    lab.set_defaults(command=_lab)
    actions = lab.add_subparsers(required=True, dest="action")
    up = actions.add_parser(
        "up", help="bring it up; it stays up until `lab down`", parents=[settings]
    )
    up.set_defaults(keep=True)
    actions.add_parser("down", help="take everything of it away", parents=[settings])
    actions.add_parser("status", help="where its hosts are", parents=[settings])
    shell = actions.add_parser(
        "shell", help="a shell on a host, or a command word by word (for a line: sh -c 'LINE')"
    )
    shell.add_argument("host")
    shell.add_argument("words", nargs=argparse.REMAINDER, metavar="command")
    return parser


def _campaign(options: argparse.Namespace) -> Campaign:
    merged = dict(Source.read(options.configfile).data)
    merge(merged, dict(read_setting(setting) for setting in options.config))
    return hooks.load(merged, [options.configfile], options.config)


def _setup(options: argparse.Namespace) -> Setup:
    return Setup(_campaign(options))


def _plan(options: argparse.Namespace) -> int:
    estimate.show(_setup(options))
    return 0


def _failed(options: argparse.Namespace) -> int:
    setup = _setup(options)
    cells = [done.path for done in summary.failed(summary.read(setup))]
    unmade = summary.unmade(setup)
    return _listed([*unmade, *cells])


def _marked(options: argparse.Namespace) -> int:
    setup = _setup(options)
    cells = [done.path for done in summary.marked(summary.read(setup))]
    calibrations = summary.marked_calibrations(setup)
    return _listed([*calibrations, *cells])


def _listed(paths: Iterable[Path]) -> int:
    """Paths as `snakemake -R` takes them."""
    sys.stdout.write("".join(f"{path}\n" for path in paths))
    return 0


def _summary(options: argparse.Namespace) -> int:
    setup = _setup(options)
    default = options.configfile == CONFIG / "config.yaml"
    settings = dict(read_setting(setting) for setting in options.config)
    words = hooks.said([] if default else [options.configfile], settings)
    summary.show(setup, None, words)
    return 0


def _schema(_: argparse.Namespace) -> int:
    for name, text in config_schemas().items():
        (CONFIG / "schema" / name).write_text(text, encoding="utf-8")
    return 0


def _cards(options: argparse.Namespace) -> int:
    if options.file:
        options.file.write_text(cards.page(), encoding="utf-8")
        return 0
    cells = summary.read(_setup(options))
    versions = cards.measured(done.record for done in cells if done.record)
    sys.stdout.write(cards.page(versions))
    return 0


def _docs(options: argparse.Namespace) -> int:
    if not options.folder.is_dir():
        raise MeshbenchError(f"there is no folder {options.folder}: run it where docs/ is")
    for path, text in generated.pages(options.folder).items():
        path.write_text(text, encoding="utf-8")
    return 0


def _clean_hosts(options: argparse.Namespace) -> int:
    campaign = _campaign(options)
    if not isinstance(campaign.testbed, SshTestbed):
        raise MeshbenchError(
            f"the testbed {campaign.file.testbed} is not one of your own hosts (kind: ssh); "
            "a lab goes with `python -m meshbench lab down`"
        )
    systems = asyncio.run(clean.clean(campaign.testbed))
    names = ", ".join(host.name for host in campaign.testbed.hosts)
    sys.stdout.write(f"{names}: clean; there were {', '.join(systems) or 'no systems'}\n")
    return 0


def _lab(options: argparse.Namespace) -> int:
    campaign = _campaign(options)
    if not isinstance(campaign.testbed, LabTestbed):
        raise MeshbenchError(f"the testbed {campaign.file.testbed} is not a lab")
    kinds = [benchmark.kind for benchmark in campaign.benchmarks.values()]
    lab = lab_of(campaign.file.testbed, campaign.testbed, kinds)
    match options.action:
        case "up":
            machine.check(lab.definition)
            note = asyncio.run(kernel.check(campaign.file.engine))
            asyncio.run(lab.up())
            lab.keep()
            sys.stderr.write(note and f"{note}\n")
        case "down":
            asyncio.run(lab.down())
            return 0
    addresses = lab.running()
    if addresses is None:
        sys.stdout.write(f"lab {lab.layout.id} is down\n")
        return 0 if options.action == "status" else 1
    if options.action == "shell":
        return _shell({address.name: address for address in addresses}, options)
    for address in addresses:
        sys.stdout.write(f"{address.name}\t{address.control}\t{address.data_address}\n")
    return 0


def _shell(addresses: Mapping[str, Any], options: argparse.Namespace) -> int:
    if options.host not in addresses:
        raise MeshbenchError(f"no host '{options.host}' in the lab; it has {', '.join(addresses)}")
    where = addresses[options.host]
    argv = [
        "ssh", "-q", "-i", str(where.key_file), "-o", f"UserKnownHostsFile={where.known_hosts_file}",
        "-o", "StrictHostKeyChecking=yes", f"{where.user}@{where.control}",
        # ssh would join the words with spaces, and a shell there would read them anew.
        *([shlex.join(options.words)] if options.words else []),
    ]  # fmt: skip
    return os.spawnvp(os.P_WAIT, "ssh", argv)  # noqa: S606
