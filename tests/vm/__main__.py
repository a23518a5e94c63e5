"""`python -m tests.vm check|all [folder]`: the lab on Debian's stock kernel, in a virtual machine."""

import argparse
import logging
import signal
import sys
from pathlib import Path

from tests.vm import disk, machine

HERE = Path(__file__).parent
LIMITS_S = {"check": 3600.0, "all": 6 * 3600.0}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.vm", description=__doc__)
    parser.add_argument("job", choices=sorted(LIMITS_S))
    parser.add_argument("out", nargs="?", type=Path, default=Path("build/vm"))
    asked = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    # So that the machine ends with whoever is told to end.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    job = HERE / "jobs" / f"{asked.job}.sh"
    try:
        done = machine.run(disk.ensure(), job, asked.out, LIMITS_S[asked.job])
    except machine.VmError as error:
        sys.stderr.write(f"the virtual machine: {error}\n")
        return 1
    logging.getLogger(__name__).info(
        "%s under %s: %s; what it left is in %s",
        asked.job, done.accelerator, "passed" if done.status == 0 else "failed", done.out,
    )  # fmt: skip
    return done.status


if __name__ == "__main__":
    sys.exit(main())
