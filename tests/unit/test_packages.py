"""Where programs come from: what may be said, what is made of it, and what is said when it fails."""

import asyncio
import hashlib
import http.server
import io
import os
import shutil
import stat
import tarfile
import threading
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from meshbench.config import models
from meshbench.config.load import load_named
from meshbench.config.models import System, SystemFile
from meshbench.config.packages import Archive, Cargo, Debian, Go, Local, Package, Release
from meshbench.packages import store
from meshbench.packages.store import Manifest, own_architecture
from meshbench.packages.supply import Supply, resolve
from meshbench.runner.jobs import DeployJob, PackageJob
from meshbench.util.errors import ConfigError, TestbedError, VpnError
from meshbench.vpns.common import supplies
from meshbench.workflow import obtain as obtaining
from tests.unit import making
from tests.unit.programs import CARGO, program

ARCHITECTURE = own_architecture()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MESHBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("MESHBENCH_RUN", raising=False)
    monkeypatch.delenv("MESHBENCH_BINARIES", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def bin_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is first in PATH."""
    folder = tmp_path / "path"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


def supply(package: Package, *programs: str) -> Supply:
    supplied = resolve(package, "system", programs)
    assert supplied is not None
    return supplied


def obtain(package: Package, *programs: str, architecture: str = ARCHITECTURE) -> Manifest:
    return asyncio.run(store.obtain(supply(package, *programs), architecture))


def fails(package: Package, *programs: str, architecture: str = ARCHITECTURE) -> str:
    with pytest.raises(VpnError) as error:
        obtain(package, *programs, architecture=architecture)
    return str(error.value)


def made(package: Package, *programs: str) -> Path:
    return store.folder(supply(package, *programs), ARCHITECTURE) / "bin"


# What a system's file may say


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "{source: got, module: m}",
            "package.source: .*'debian', 'go', 'cargo', 'release', 'file' .it says 'got'",
        ),
        ("{module: m}", "package.source: this key is required"),
        ("{source: go, module: m}", "package.module: needs either module and version, or folder"),
        ("{source: go, folder: f}", "package.programs: a folder's programs must be named"),
        ("{source: go, module: m, versoin: v1}", "package.versoin: unknown key; did you mean 'ver"),
        ("{source: cargo, crate: --git, version: '1'}", "package.crate: '--git' is not allowed"),
        ("{source: file}", "package.path: needs path or environment"),
        ("{source: file, path: x, programs: {../sh: x}}", r"package.programs.*'../sh' is not"),
        (
            "{source: release, version: '1', architectures: {amd64: {url: 'ftp://x', sha256: 0, members: {a: b}}}}",
            "package.architectures.amd64.url: 'ftp://x' is not allowed",
        ),
    ],
)
def test_a_package_that_cannot_be_meant_is_refused_with_file_and_key(
    tmp_path: Path, text: str, said: str
) -> None:
    (tmp_path / "mine.yaml").write_text(f"driver: nebula\npackage: {text}\n")
    with pytest.raises(ConfigError, match=f"mine.yaml:2: {said}"):
        load_named(tmp_path, "mine", SystemFile, ("", None))


def test_a_system_cannot_take_the_packages_folder() -> None:
    words = {"campaign": "a", "profiles": ["low"], "benchmarks": {"ping": {}}}
    with pytest.raises(ValueError, match="cannot be called 'packages'"):
        models.CampaignFile.model_validate({**words, "vpns": ["packages"]})


# Digests and settings


def test_a_digest_is_of_what_is_said_and_of_local_content_not_of_its_place(tmp_path: Path) -> None:
    first, second = tmp_path / "one", tmp_path / "other"
    for place in (first, second):
        place.mkdir()
        (place / "tincd").write_text("program")
        (place / "README").write_text(str(place))
    digest = supply(Local(path=str(first)), "tincd").digest
    assert supply(Local(path=str(second)), "tincd").digest == digest
    assert supply(Local(path=str(second / "tincd")), "tincd").digest == digest
    (first / "tincd").write_text("another")
    assert supply(Local(path=str(first)), "tincd").digest != digest

    go = Go(module="m", version="v1")
    assert supply(go).digest == supply(Go(module="m", version="v1", licence="MIT")).digest
    assert supply(go).digest != supply(Go(module="m", version="v2")).digest
    assert supply(go).digest != supply(Go(module="m", version="v1", tags=("t",))).digest


def digests(name: str, system: System) -> tuple[str, ...]:
    return tuple(supply.digest for supply in supplies.supplies(name, system))


def test_a_system_s_own_package_travels_with_its_job() -> None:
    assert resolve(Debian(names=("nebula",)), "driver") is None
    assert supplies.supplies("nebula", making.system("nebula")) == ()
    go = making.system("nebula", Go(module="m", version="v1"))
    words: dict[str, Any] = {
        "campaign": "c", "site": {"testbed": "fake", "hosts": {"kind": "fake"}},
        "name": "nebula", "system": go, "method": 1,
    }  # fmt: skip
    chosen = DeployJob.model_validate({**words, "packages": digests("nebula", go)})
    assert DeployJob.of(chosen.text()) == chosen
    [planned] = supplies.planned("nebula", go, chosen.packages)
    assert planned.origin == "system"


def test_the_users_folder_serves_drivers_that_do_not_come_from_debian(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MESHBENCH_BINARIES", str(tmp_path))
    crate = Cargo(crate="easytier", version="2", programs=("core", "cli"))
    (tmp_path / "core").write_text("core")
    incomplete = resolve(crate, "driver")
    assert incomplete is not None
    assert incomplete.origin == "driver"
    (tmp_path / "cli").write_text("cli")
    supplied = resolve(crate, "driver")
    assert supplied is not None
    assert (supplied.origin, supplied.programs) == ("MESHBENCH_BINARIES", ("core", "cli"))
    manifest = asyncio.run(store.obtain(supplied, ARCHITECTURE))
    assert manifest.origin == "MESHBENCH_BINARIES"
    assert manifest.source["source"] == "file"
    own = resolve(crate, "system")
    assert own is not None
    assert own.package == crate
    assert resolve(Debian(), "driver", ("core",)) is None


# Local files


def test_local_programs_are_copied_with_their_checksums(tmp_path: Path) -> None:
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "nebula-dev").write_bytes(b"program")
    package = Local(path=str(tmp_path), programs={"nebula": "build/nebula-dev"}, licence="MIT")
    manifest = obtain(package)
    assert manifest.programs == {"nebula": hashlib.sha256(b"program").hexdigest()}
    assert (manifest.sizes_bytes, manifest.licence) == ({"nebula": 7}, "MIT")
    copied = made(package) / "nebula"
    assert copied.read_bytes() == b"program"
    assert stat.S_IMODE(copied.stat().st_mode) == 0o755


def test_a_path_may_come_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = Local(environment="MY_TINC")
    assert fails(package, "tincd") == "package of tincd: MY_TINC is not set to the path of tincd"
    monkeypatch.setenv("MY_TINC", str(tmp_path))
    assert fails(package, "tincd") == f"package of tincd: there is no file {tmp_path / 'tincd'}"
    (tmp_path / "tincd").write_text("it")
    assert obtain(package, "tincd").programs.keys() == {"tincd"}


def test_a_driver_s_programs_that_cannot_be_had_can_be_supplied() -> None:
    supplied = resolve(Local(environment="MY_TINC", programs={"tincd": "tincd"}), "driver")
    assert supplied is not None
    with pytest.raises(
        VpnError, match="is not set .*; MESHBENCH_BINARIES=<a folder with tincd> supplies it$"
    ):
        asyncio.run(store.obtain(supplied, ARCHITECTURE))


def test_a_file_that_changes_under_a_run_is_not_taken_for_the_one_before(tmp_path: Path) -> None:
    file = tmp_path / "tincd"
    file.write_text("before")
    planned = supply(Local(path=str(tmp_path)), "tincd")
    file.write_text("after it")
    with pytest.raises(TestbedError, match="tincd changed after this run had begun"):
        asyncio.run(store.obtain(planned, ARCHITECTURE))
    assert not store.folder(planned, ARCHITECTURE).exists()


# Releases


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        return


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder and where a web server has it."""
    folder = tmp_path / "served"
    folder.mkdir()

    def handler(*words: Any) -> Quiet:
        return Quiet(*words, directory=str(folder))

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def tarred(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def zipped(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def release(url: str, content: bytes, members: dict[str, str], of: str = ARCHITECTURE) -> Release:
    sha256 = hashlib.sha256(content).hexdigest()
    return Release(
        version="1.2", architectures={of: Archive(url=url, sha256=sha256, members=members)}
    )


@pytest.mark.parametrize("pack", [tarred, zipped])
def test_a_release_is_fetched_compared_and_unpacked(served: tuple[Path, str], pack: Any) -> None:
    folder, url = served
    content = pack({"./it-1.2/bin/it": b"program", "it-1.2/it.conf": b"", "../../outside": b"no"})
    (folder / "it").write_bytes(content)
    package = release(f"{url}/it", content, {"itd": "it-1.2/bin/it"})
    manifest = obtain(package)
    assert (manifest.version, list(manifest.programs)) == ("1.2", ["itd"])
    assert (made(package) / "itd").read_bytes() == b"program"
    assert [path.name for path in made(package).iterdir()] == ["itd"]
    (folder / "it").unlink()
    assert obtain(package) == manifest


def test_a_release_may_be_the_program_itself(served: tuple[Path, str]) -> None:
    folder, url = served
    (folder / "headscale").write_bytes(b"program")
    package = release(f"{url}/headscale", b"program", {"headscale": "."})
    obtain(package)
    assert (made(package) / "headscale").read_bytes() == b"program"


def test_a_wrong_checksum_is_told_with_both_and_nothing_is_kept(served: tuple[Path, str]) -> None:
    folder, url = served
    (folder / "it.tar.gz").write_bytes(b"evil")
    package = release(f"{url}/it.tar.gz", b"good", {"it": "it"})
    wrong, right = (hashlib.sha256(content).hexdigest() for content in (b"evil", b"good"))
    assert fails(package) == (
        f"package it 1.2: {url}/it.tar.gz is not what was expected: its sha256 is {wrong}, "
        f"not {right}"
    )
    assert not made(package).exists()


def test_what_is_wrong_with_a_release_is_said(served: tuple[Path, str]) -> None:
    folder, url = served
    content = tarred({"it-1.2/itd": b"program"})
    (folder / "it.tgz").write_bytes(content)
    (folder / "page").write_bytes(b"<html>")
    missing = release(f"{url}/it.tgz", content, {"it": "it-1.2/it"})
    assert "has no member 'it-1.2/it'; it has it-1.2/itd" in fails(missing)
    assert "the server says 404" in fails(release(f"{url}/none", b"", {"it": "it"}))
    page = fails(release(f"{url}/page", b"<html>", {"it": "it"}))
    assert "is no tar or zip archive" in page
    nowhere = fails(release("http://127.0.0.1:1/it", b"", {"it": "it"}))
    assert "no network: " in nowhere
    assert fails(release(url, b"", {"it": "it"}, of="s390x"), architecture="amd64") == (
        "package it 1.2: release 1.2 has no programs for amd64, only for s390x"
    )


# Crates


CRATE = Cargo(
    crate="easytier", version="2.0.3", programs=("easytier-core", "easytier-cli"), features=("kcp",)
)


def test_a_crate_is_built_with_its_lock_file_and_told_in_the_manifest(
    bin_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(bin_folder / "cargo", CARGO)
    home = tmp_path / "home"
    about = home / "registry" / "src" / "index" / "easytier-2.0.3"
    about.mkdir(parents=True)
    (about / "Cargo.toml").write_text('[package]\nlicense = "LGPL-3.0"\n')
    monkeypatch.setenv("CARGO_HOME", str(home))
    manifest = obtain(CRATE)
    assert (manifest.version, manifest.tool, manifest.licence) == (
        "2.0.3",
        "cargo 1.0 (test)",
        "LGPL-3.0",
    )
    assert manifest.programs.keys() == {"easytier-core", "easytier-cli"}
    assert manifest.build_s is not None
    [words] = [x for x in (bin_folder / "calls").read_text().splitlines() if "install" in x]
    assert "--locked" in words
    assert words.endswith(
        "--bin=easytier-core --bin=easytier-cli --features=kcp --version =2.0.3 easytier"
    )


def test_a_build_that_fails_is_a_reason_with_the_end_of_its_log(bin_folder: Path) -> None:
    failing = 'case $1 in --version) echo cargo 1.0;; *) seq 5000; echo "error: no protoc" >&2; exit 101;; esac'
    program(bin_folder / "cargo", failing)
    reason = fails(CRATE)
    assert reason.startswith("package easytier@2.0.3: cargo install ended with 101: ")
    assert reason.endswith("4999\n5000\nerror: no protoc")
    assert len(reason) < 2000
    kept = made(CRATE).parent
    assert not kept.exists()
    assert "\n1\n2\n" in kept.with_name(f"{ARCHITECTURE}.log").read_text()
    assert not [path for path in kept.parent.iterdir() if path.is_dir()]


@pytest.mark.parametrize(
    "trouble",
    [
        "dial tcp: lookup proxy.golang.org: no such host",
        "warning: spurious network error (3 tries remaining): [6] Couldn't resolve host name",
    ],
)
def test_a_build_without_network_says_so(bin_folder: Path, trouble: str) -> None:
    script = f'case $1 in --version) echo cargo 1.0;; *) echo "{trouble}"; exit 1;; esac'
    program(bin_folder / "cargo", script)
    assert fails(CRATE).startswith("package easytier@2.0.3: no network: cargo install ended with 1")


def test_what_building_lacks_is_named_with_the_package_that_brings_it(
    bin_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(bin_folder / "cargo", CARGO)
    ask = 'case "$*" in *libprotobuf-dev) exit 1;; *) printf installed;; esac'
    program(bin_folder / "dpkg-query", ask)
    needy = CRATE.model_copy(update={"needs": ("protobuf-compiler", "libprotobuf-dev")})
    assert fails(needy) == (
        "package easytier@2.0.3: building easytier needs libprotobuf-dev on this machine "
        "(apt-get install libprotobuf-dev)"
    )
    assert "builds for this machine's" in fails(CRATE, architecture="s390x")
    monkeypatch.setenv("PATH", str(bin_folder))
    (bin_folder / "cargo").unlink()
    for package, tool, debian in (
        (CRATE, "cargo", "cargo"),
        (Go(module="m", version="v1"), "go", "golang-go"),
    ):
        assert f"{tool} is not installed on this machine (apt-get install {debian})" in fails(
            package
        )


# Go modules


GO_PROGRAM = 'package main\n\nfunc main() { println("hello") }\n'
needs_go = pytest.mark.skipif(shutil.which("go") is None, reason="go is not installed here")


@needs_go
def test_a_go_module_in_a_folder_is_built(tmp_path: Path) -> None:
    folder = tmp_path / "control"
    (folder / "cmd" / "other").mkdir(parents=True)
    (folder / "go.mod").write_text("module example.org/control\n\ngo 1.21\n")
    (folder / "main.go").write_text(GO_PROGRAM)
    (folder / "cmd" / "other" / "main.go").write_text(GO_PROGRAM)
    (folder / "LICENSE").write_text("\nBSD 3-Clause License\n")
    package = Go(folder=str(folder), programs={"control": ".", "other": "./cmd/other"})
    manifest = obtain(package)
    assert manifest.programs.keys() == {"control", "other"}
    assert manifest.licence == "BSD 3-Clause License"
    assert manifest.tool is not None
    assert manifest.tool.startswith("go version go")
    ran = asyncio.run(_said(made(package) / "control"))
    assert ran == "hello\n"

    (folder / "main.go").write_text(GO_PROGRAM.replace("println", "printline"))
    assert "undefined: printline" in fails(package)
    assert fails(Go(folder=str(tmp_path / "none"), programs={"it": "."})).endswith(
        "with a Go module"
    )


async def _said(path: Path) -> str:
    process = await asyncio.create_subprocess_exec(path, stderr=asyncio.subprocess.PIPE)
    return (await process.communicate())[1].decode()


@needs_go
def test_a_go_module_at_a_version_is_installed_under_the_names_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "proxy" / "example.org" / "it" / "@v"
    place.mkdir(parents=True)
    module = "module example.org/it\n\ngo 1.21\n"
    (place / "list").write_text("v1.2.3\n")
    (place / "v1.2.3.mod").write_text(module)
    (place / "v1.2.3.info").write_text('{"Version": "v1.2.3"}')
    root = "example.org/it@v1.2.3/"
    files = {
        "go.mod": module,
        "main.go": GO_PROGRAM,
        "cmd/two/main.go": GO_PROGRAM,
        "LICENSE": "MIT\n",
    }
    (place / "v1.2.3.zip").write_bytes(
        zipped({f"{root}{name}": text.encode() for name, text in files.items()})
    )
    for key, value in {
        "GOPROXY": f"file://{tmp_path / 'proxy'}", "GONOSUMDB": "*", "GONOSUMCHECK": "1",
        "GOFLAGS": "-modcacherw", "GOMODCACHE": str(tmp_path / "modules"), "GOSUMDB": "off",
    }.items():  # fmt: skip
        monkeypatch.setenv(key, value)
    programs = {"first": ".", "second": "./cmd/two"}
    package = Go(module="example.org/it", version="v1.2.3", programs=programs)
    manifest = obtain(package)
    assert (manifest.version, manifest.licence) == ("v1.2.3", "MIT")
    assert {path.name for path in made(package).iterdir()} == {"first", "second"}
    assert asyncio.run(_said(made(package) / "second")) == "hello\n"
    assert "v9.9.9" in fails(Go(module="example.org/it", version="v9.9.9"))
    other = "arm64" if ARCHITECTURE != "arm64" else "amd64"
    crossed = obtain(package, architecture=other)
    assert crossed.programs["first"] != manifest.programs["first"]


def test_a_module_is_called_by_its_last_word_that_is_no_version() -> None:
    assert Go(module="example.org/yggdrasil/v2", version="v2.1").import_paths == {"yggdrasil": "."}


# The cache


def test_a_package_is_made_once_also_when_two_ask_at_a_time(bin_folder: Path) -> None:
    program(bin_folder / "cargo", CARGO)

    async def both() -> list[Manifest]:
        asked = supply(CRATE)
        return list(await asyncio.gather(*(store.obtain(asked, ARCHITECTURE) for _ in range(2))))

    first, second = asyncio.run(both())
    assert first == second == obtain(CRATE)
    calls = (bin_folder / "calls").read_text().splitlines()
    assert len([words for words in calls if "install" in words]) == 1


def test_what_failed_is_tried_again_by_the_next_run_only(
    bin_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MESHBENCH_RUN", "one")
    program(bin_folder / "cargo", 'echo "$@" >> "${0%/*}/calls"; echo broken; exit 1')
    reason = fails(CRATE)
    assert "broken" in reason
    tries = (bin_folder / "calls").read_text()
    assert fails(CRATE) == reason
    assert (bin_folder / "calls").read_text() == tries
    program(bin_folder / "cargo", CARGO)
    assert fails(CRATE) == reason
    monkeypatch.setenv("MESHBENCH_RUN", "two")
    assert obtain(CRATE).programs
    assert not list(made(CRATE).parent.parent.glob("*.failed.json"))


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_text("cut")])
def test_a_damaged_cache_is_made_again(tmp_path: Path, damage: Any) -> None:
    (tmp_path / "tincd").write_text("program")
    package = Local(path=str(tmp_path))
    before = obtain(package, "tincd")
    damage(made(package, "tincd") / "tincd")
    assert not store.has(supply(package, "tincd"))
    assert obtain(package, "tincd").programs == before.programs
    assert (made(package, "tincd") / "tincd").read_text() == "program"


def test_a_package_without_a_promised_program_is_not_kept(bin_folder: Path) -> None:
    program(bin_folder / "cargo", CARGO.replace("--bin=*)", "--bin=*core)"))
    assert fails(CRATE) == "package easytier@2.0.3: cargo made no program easytier-cli of easytier"
    assert not made(CRATE).exists()


def test_a_cache_that_cannot_be_written_says_what_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MESHBENCH_CACHE", str(tmp_path / "file"))
    with pytest.raises(Exception, match="cannot be written .*set MESHBENCH_CACHE"):
        obtain(Local(path=str(tmp_path)), "file")


def test_a_system_s_package_is_a_result_that_may_have_failed(tmp_path: Path) -> None:
    def of(path: Path) -> PackageJob:
        system = making.system("tinc", Local(path=str(path)))
        return PackageJob(
            campaign="c", name="tinc", system=system, packages=digests("tinc", system)
        )

    failed = asyncio.run(obtaining.of_system(of(tmp_path)))
    assert failed.status == "failed"
    assert failed.reason == f"package of tincd: there is no file {tmp_path}/tincd"
    (tmp_path / "tincd").write_text("it")
    planned = of(tmp_path)
    done = asyncio.run(obtaining.of_system(planned))
    assert (done.status, [manifest.digest for manifest in done.packages]) == (
        "ok", list(planned.packages)
    )  # fmt: skip
    (tmp_path / "tincd").write_text("another")
    with pytest.raises(TestbedError, match="^the programs of tinc changed after this run had"):
        asyncio.run(obtaining.of_system(planned))


def test_where_local_programs_are_makes_no_cell_stale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = making.system("tinc", Local(environment="MY_TINC"))
    local_digests = []
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "tincd").write_text("the same")
        monkeypatch.setenv("MY_TINC", str(tmp_path / name))
        local_digests.append(digests("tinc", system))
    assert local_digests[0] == local_digests[1] != ()


def test_hidden_files_of_a_go_module_do_not_count(tmp_path: Path) -> None:
    (tmp_path / "go.mod").write_text("module it\n")
    package = Go(folder=str(tmp_path), programs={"it": "."})
    before = supply(package).digest
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text("main")
    assert supply(package).digest == before
    (tmp_path / "main.go").write_text("package main")
    assert supply(package).digest != before
