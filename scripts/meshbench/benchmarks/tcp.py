"""TCP goodput of one stream by iperf3: one direction at a time, and both as in the thesis."""

from meshbench.benchmarks.tools import tcp_metrics
from meshbench.benchmarks.tools.tcp_session import TcpOptions, TcpSessions


class Tcp(TcpSessions[TcpOptions]):
    """The links one after the other."""

    name = "tcp"
    carries_tcp = True
    version = 2
    options_class = TcpOptions
    metrics = tcp_metrics.OF_A_RUN


BENCHMARK = Tcp
