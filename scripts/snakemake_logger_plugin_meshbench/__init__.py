"""Snakemake's output for a campaign: one line per job with the time left, and one when it failed."""

import logging
import re
import sys
from logging import WARNING, LogRecord

from snakemake.common import NOTHING_TO_BE_DONE_MSG
from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

from meshbench.workflow import progress

_ERRORS = {LogEvent.JOB_ERROR, LogEvent.GROUP_ERROR, LogEvent.ERROR}
_NOTHING_BEFORE = re.compile(r"^Cannot restore \S+: no backup found\.$")
"""Said of every failed job whose output may be written anew; there was none, so none is lost."""
_ENDED = re.compile(
    r"CalledProcessError in file .*\nCommand .*(returned non-zero|died with) (.*)\."
)


class LogHandler(LogHandlerBase):
    """Quiet where nobody watches (CI); a dry run looks as Snakemake's own does."""

    def __post_init__(self) -> None:
        # A log file of Snakemake's own that a full disk refuses must not bury why the run ends.
        logging.raiseExceptions = False

    def emit(self, record: LogRecord) -> None:
        event = getattr(record, "event", None)
        if _NOTHING_BEFORE.match(record.getMessage()):
            return
        if self.common_settings.dryrun:
            self._print(self.format(record))
        elif event == LogEvent.JOB_ERROR:
            said = record.__dict__
            self._print(*progress.failed(said["jobid"], said["rule_name"], said["log"]))
        elif event == LogEvent.ERROR and (ended := _ENDED.search(record.getMessage())):
            # A job that ends by itself has said why: see meshbench.workflow.logs.
            if ended[1] == "died with":
                self._print(f"a job was ended by {ended[2]}")
        elif event in _ERRORS or record.levelno >= WARNING:
            self._print(self.format(record))
        elif event == LogEvent.JOB_INFO:
            line = progress.line(record.__dict__["jobid"], record.__dict__["rule_msg"])
            if line and not progress.quiet():
                self._print(line)
        elif record.getMessage() == NOTHING_TO_BE_DONE_MSG:
            self._print(NOTHING_TO_BE_DONE_MSG)

    def _print(self, *lines: str) -> None:
        stream = sys.stdout if self.common_settings.stdout else sys.stderr
        stream.write("".join(f"{line}\n" for line in lines))
        stream.flush()

    @property
    def writes_to_stream(self) -> bool:
        return True

    @property
    def writes_to_file(self) -> bool:
        return False

    @property
    def has_filter(self) -> bool:
        return False

    @property
    def has_formatter(self) -> bool:
        return False

    @property
    def needs_rulegraph(self) -> bool:
        return False
