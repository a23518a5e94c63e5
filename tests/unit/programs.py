"""Programs that stand in for build tools."""

from pathlib import Path

CARGO = r"""
echo "$@" >> "${0%/*}/calls"
case $1 in --version) echo "cargo 1.0 (test)"; exit;; esac
while [ $# -gt 0 ]; do
    case $1 in
        --root) root=$2; mkdir -p "$root/bin"; shift;;
        --bin=*) echo "program ${1#--bin=}" > "$root/bin/${1#--bin=}";;
    esac
    shift
done
"""
"""Installs what it is asked for, and notes its words beside itself."""


def program(path: Path, script: str) -> None:
    """An executable shell script."""
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
