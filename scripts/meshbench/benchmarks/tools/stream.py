"""ffmpeg and ffprobe for a stream of video: made, sent, taken in and counted."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from meshbench.util import foreign
from meshbench.util.foreign import Told

FPS = 30
CLIP_S = 2
"""Of noise, sent again and again."""
THESIS_CLIP_S = 10
"""Of the thesis's test pattern, which is sent again and again as the noise is."""
REACHED = 0.95
"""Share of the bit rate that was asked for, below which a source has not reached it."""
_QUIET = ("-hide_banner", "-nostdin", "-y", "-v", "error")
_PACING = 1.5
"""Pace of a frame's packets over the mean bit rate: they leave over most of the frame's time."""
_BURST_S = 0.02
"""What may leave at once after ffmpeg was held up; it fits into a receive buffer of 208 KiB at 25 Mbit/s."""
_FRAME = re.compile(
    r"^packet\|(?:size=\d{1,12}\|)?flags=(?P<flags>[A-Z_]{1,8})", re.MULTILINE | re.ASCII
)
_PROGRESS = re.compile(
    r"^(?P<key>frame|total_size|out_time_us|speed)=\s*(?P<value>\d{1,15}(?:\.\d{1,6})?)x?\s*$",
    re.MULTILINE | re.ASCII,
)
_LIVE = re.compile(
    r"frame=\s*(?P<frame>\d{1,9})\s+fps=\s*(?P<fps>\d{1,6}(?:\.\d{1,6})?)\s[^\r\n]{0,120}?"
    r"size=\s*(?P<kib>\d{1,12})(?:kB|KiB)[^\r\n]{0,80}?"
    r"bitrate=\s*(?P<kbits>\d{1,9}(?:\.\d{1,6})?)kbits/s",
    re.ASCII,
)
_KIB = 1024


def encode(bitrate_bps: int, path: PurePosixPath) -> list[str]:
    """The command that encodes a clip of noise, whose frames are of about the same size."""
    source = (
        f"color=c=gray:size=1280x720:rate={FPS}:duration={CLIP_S},noise=alls=100:allf=t:all_seed=1"
    )
    rate = str(bitrate_bps)
    return [
        "ffmpeg", *_QUIET, "-f", "lavfi", "-i", source,
        "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-pix_fmt", "yuv420p",
        "-b:v", rate, "-minrate", rate, "-maxrate", rate, "-bufsize", str(bitrate_bps // 10),
        # What the noise leaves of a low bit rate is filled up (x264 --nal-hrd cbr).
        "-x264-params", "nal-hrd=cbr",
        "-g", str(FPS * CLIP_S), "-f", "mpegts", str(path),
    ]  # fmt: skip


def encode_thesis(path: PurePosixPath) -> list[str]:
    """The command that encodes what the thesis's sender encoded while it sent (reference-runner.md
    section 5.7).
    """
    return [
        "ffmpeg", *_QUIET, "-f", "lavfi", "-i", f"testsrc=size=3840x2160:rate={FPS}:duration={THESIS_CLIP_S}",
        "-f", "lavfi", "-i", f"sine=frequency=1000:duration={THESIS_CLIP_S}",
        "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency",
        "-b:v", "25M", "-maxrate", "25M", "-bufsize", "2M", "-g", "50", "-pix_fmt", "yuv420p",
        "-c:a", "aac", "-b:a", "128k", "-f", "mpegts", str(path),
    ]  # fmt: skip


def clip_name(argv: Sequence[str]) -> str:
    """Of the file that a command makes, but for its last word, the file: another way to make it has
    another name.
    """
    return f"clip-{hashlib.sha256(' '.join(argv[:-1]).encode()).hexdigest()[:12]}.ts"


def describe(path: PurePosixPath) -> list[str]:
    """The command that reads a file's bit rate back."""
    return ["ffprobe", "-v", "error", "-show_entries", "format=bit_rate", "-of", "json", str(path)]


def feed(
    clip: PurePosixPath, duration_s: float, bitrate_bps: int, port: int, size: int
) -> list[str]:
    """The command that sends a clip at its own pace to a UDP port of the same host.

    Args:
        clip: the file.
        duration_s: how long; the clip begins anew as often as needed.
        bitrate_bps: of the clip.
        port: on which the sender listens.
        size: of a datagram in bytes, whole transport-stream packets.
    """
    pace_bps = _PACING * bitrate_bps
    pace = f"bitrate={round(pace_bps)}&burst_bits={round(_BURST_S * pace_bps) + 8 * size}"
    target = f"udp://127.0.0.1:{port}?pkt_size={size}&{pace}"
    return [
        "ffmpeg", *_QUIET, "-nostats", "-progress", "pipe:1", "-stats_period", "1",
        "-re", "-stream_loop", "-1", "-i", str(clip), "-t", f"{duration_s:g}",
        "-c", "copy", "-f", "mpegts", target,
    ]  # fmt: skip


def thesis_feed(clip: PurePosixPath, duration_s: float, target: str) -> list[str]:
    """The command that sends a clip at its own pace, as the thesis's sender did, by ffmpeg's librist."""
    return [
        "ffmpeg", "-hide_banner", "-nostdin", "-re", "-stream_loop", "-1", "-i", str(clip), "-t", f"{duration_s:g}",
        "-map", "0", "-c", "copy", "-f", "mpegts", "-stats", "-stats_period", "1", target,
    ]  # fmt: skip


def capture(port: int, path: PurePosixPath) -> list[str]:
    """The command that writes what comes to a UDP port of the same host to a file, byte by byte."""
    source = f"udp://127.0.0.1:{port}?fifo_size=100000&overrun_nonfatal=1&buffer_size=4000000"
    return [
        "ffmpeg", *_QUIET, "-f", "data", "-i", source,
        # Nothing is kept back: what ends it is SIGKILL, as it heeds no other signal while it waits.
        "-map", "0", "-c", "copy", "-flush_packets", "1", "-f", "data", str(path),
    ]  # fmt: skip


def count(path: PurePosixPath) -> list[str]:
    """The command that lists the frames of a captured stream."""
    return [
        "ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "packet=size,flags",
        "-of", "compact", str(path),
    ]  # fmt: skip


class _Format(Told):
    bit_rate: float


def bit_rate(text: str) -> float:
    """In bit/s, from what `describe` printed. Raises ValueError where it says none."""
    try:
        return _Format.model_validate(foreign.document(text)["format"]).bit_rate
    except foreign.UNREADABLE as error:
        raise ValueError(f"no bit rate in {foreign.quoted(text)}: {foreign.why(error)}") from None


@dataclass(frozen=True)
class Frames:
    """Frames of a captured stream; `damaged` is None where ffprobe does not say it."""

    received: int
    damaged: int | None


def frames(text: str) -> Frames:
    """From what `count` printed."""
    flags = [line["flags"] for line in _FRAME.finditer(text)]
    complete = all(len(flag) > 2 for flag in flags)  # noqa: PLR2004  (keyframe, discarded, corrupt)
    return Frames(len(flags), sum("C" in flag for flag in flags) if complete else None)


@dataclass(frozen=True)
class Sent:
    """What a source put on the way; `took_s` is None where ffmpeg does not say how fast it was."""

    frames: int
    total_bytes: int
    took_s: float | None = None


def sent(text: str) -> Sent | None:
    """What `feed` says it sent in the end; None where it says nothing."""
    last = {line["key"]: float(line["value"]) for line in _PROGRESS.finditer(text)}
    if not {"frame", "total_size"} <= last.keys():
        return None
    timing = last.get("out_time_us", 0) / 1e6, last.get("speed", 0)
    took_s = timing[0] / timing[1] if all(timing) else None
    return Sent(int(last["frame"]), int(last["total_size"]), took_s)


@dataclass(frozen=True)
class Progress:
    """One of the lines in which ffmpeg says how far it is."""

    frame: int
    fps: float
    sent_bytes: int
    bitrate_bps: float


def progress(text: str) -> Iterator[Progress]:
    """Those of `thesis_feed`."""
    for line in _LIVE.finditer(text):
        yield Progress(
            int(line["frame"]), float(line["fps"]), int(line["kib"]) * _KIB,
            float(line["kbits"]) * 1e3,
        )  # fmt: skip
