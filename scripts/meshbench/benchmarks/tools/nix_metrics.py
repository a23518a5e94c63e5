"""What copies from a Nix binary cache are measured by, here and in published data."""

from meshbench.results.metrics import Metric

COPY_TIME = Metric(
    "copy_time", "s", "Nix download", "lower",
    "One copy of the closure from the peer's cache; the mean of the timed copies where stream is null.",
    "hyperfine: results[0].mean, .times[]",
)  # fmt: skip
COPY_USER = Metric(
    "copy_user", "s", "Nix download, user CPU", "lower",
    "CPU time of one copy in user space.", "hyperfine: results[0].user",
)  # fmt: skip
COPY_SYSTEM = Metric(
    "copy_system", "s", "Nix download, system CPU", "lower",
    "CPU time of one copy in the kernel.", "hyperfine: results[0].system",
)  # fmt: skip
COPIES_STARTED = Metric(
    "copies_started", "1", "Copies started", "higher",
    "Copies begun (the warm-up included) before the test ended without a result.",
    "nix copy: lines 'copying N paths...'",
)  # fmt: skip
PATHS_STARTED = Metric(
    "paths_started", "1", "Store paths started", "higher",
    "Store paths begun in the last copy before the test ended without a result.",
    "nix copy: lines \"copying path '…'\"",
)  # fmt: skip
PATHS_WANTED = Metric(
    "paths_wanted", "1", "Store paths of a copy", "neither",
    "Store paths of the closure.", "nix copy: line 'copying N paths...'",
)  # fmt: skip
COPY_RATE = Metric(
    "copy_rate", "bit/s", "Nix download rate", "higher",
    "The closure's archives over the mean time of the timed copies; where t_s is given, what the "
    "client's kernel received between two looks at the connections.",
    "narinfo: NarSize, hyperfine: results[0].mean; ss(8): bytes_received",
)  # fmt: skip
BYTES_DONE = Metric(
    "bytes_done", "byte", "Nix download, bytes done", "higher",
    "TCP payload of a copy that the client's kernel had received in order, t_s after the copy's "
    "start; without t_s, of the last copy when it ended or was cut off.",
    "ss(8): bytes_received",
)  # fmt: skip
PATHS_DONE = Metric(
    "paths_done", "1", "Store paths done", "higher",
    "Store paths that were whole in the copy's target, as bytes_done.",
    "files *.narinfo, which Nix writes last",
)  # fmt: skip
CLOSURE_BYTES = Metric(
    "closure_bytes", "byte", "Closure", "neither",
    "Size of the closure's archives together.", "narinfo: NarSize",
)  # fmt: skip
