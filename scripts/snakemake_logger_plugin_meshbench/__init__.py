"""Snakemake's output for a campaign: one line per job with the time left; errors as they are."""

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


class LogHandler(LogHandlerBase):
    """Quiet where nobody watches (CI); a dry run looks as Snakemake's own does."""

    def emit(self, record: LogRecord) -> None:
        event = getattr(record, "event", None)
        if _NOTHING_BEFORE.match(record.getMessage()):
            return
        if self.common_settings.dryrun or event in _ERRORS or record.levelno >= WARNING:
            self._print(self.format(record))
        elif event == LogEvent.JOB_INFO:
            line = progress.line(record.__dict__["jobid"], record.__dict__["rule_msg"])
            if line and not progress.quiet():
                self._print(line)
        elif record.getMessage() == NOTHING_TO_BE_DONE_MSG:
            self._print(NOTHING_TO_BE_DONE_MSG)

    def _print(self, text: str) -> None:
        stream = sys.stdout if self.common_settings.stdout else sys.stderr
        stream.write(f"{text}\n")
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
