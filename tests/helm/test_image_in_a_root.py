"""The Dockerfile's steps, as root in throw-away roots over this machine's own, and what comes out at work."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.helm.tool import ROOT

STEPS = ROOT / "deploy" / "image"
CANNOT = 77
DPKG_STATUS = Path("/var/lib/dpkg/status")
# Where neither Debian's archive nor the package index answers, there is nothing to build from.
OFFLINE = re.compile(r"Temporary failure|Could not (?:resolve|connect)|Name or service not known|Connection refused")
# The tests' own environment comes first on PATH where it is active; the image's Python is none of its kind.
PATH = f"{sys.base_prefix}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def state_of_the_machine() -> str:
    """What the steps would change outside their roots: packages, accounts, directories, mounts."""
    digests = [hashlib.sha256(Path(name).read_bytes()).hexdigest() for name in ("/etc/passwd", "/etc/group")]
    # Not all packages: somebody may be installing others.
    query = ["dpkg-query", "-W", "librrd8", "librrd-dev", "gcc", "libc6-dev"]
    packages = subprocess.run(query, capture_output=True, text=True, check=False).stdout
    there = [os.path.lexists(name) for name in ("/opt/kubeledger", "/var/lib/kubeledger", "/usr/sbin/policy-rc.d")]
    mounts = Path("/proc/self/mounts").read_text()
    return repr((digests, packages, there, mounts))


@pytest.mark.image
def test_the_steps_make_an_image_whose_commands_run_as_its_user_on_a_read_only_root(tmp_path: Path) -> None:
    """apt really installs, as root; librrd is not there before; pip is, and is gone; the machine stays as it is."""
    if not shutil.which("dpkg-query"):
        pytest.skip("this is no Debian")
    before, status = state_of_the_machine(), DPKG_STATUS.stat().st_mtime_ns
    # Half of the time would go into compiling bytecode.
    environ = {**os.environ, "PATH": PATH, "PIP_COMPILE": "0", "TMPDIR": str(tmp_path)}
    done = subprocess.run([STEPS / "exercise.sh", "overlay"], env=environ, capture_output=True, text=True, check=False)
    reason = done.stderr.strip().rpartition("\n")[2]
    if done.returncode == CANNOT:
        pytest.skip(reason)
    offline = OFFLINE.search(done.stderr)
    if done.returncode and offline:
        pytest.skip(f"packages cannot be fetched: {offline[0]}")
    if done.returncode and DPKG_STATUS.stat().st_mtime_ns != status:
        pytest.skip("packages of this machine, which the roots lie over, were changed meanwhile")
    assert done.returncode == 0, done.stderr[-3000:]
    assert "The image's steps work" in reason
    assert list(tmp_path.iterdir()) == []
    assert state_of_the_machine() == before


def base(prefix: Path) -> Path:
    """A Python installation as the image's base has it: pip, setuptools and wheel, and what makes them."""
    venv.create(prefix, with_pip=True, symlinks=False)
    (packages,) = prefix.glob("lib/python3*/site-packages")
    for name in ("wheel", "wheel-0.45.1.dist-info", "setuptools", "setuptools-79.0.1.dist-info", "_distutils_hack"):
        (packages / name).mkdir(exist_ok=True)
    (packages / "distutils-precedence.pth").write_text("import os\n")
    (packages / "README.txt").write_text("")
    (prefix / "bin" / "wheel").write_text("")
    (packages.parent / "ensurepip").mkdir()
    return packages


def test_what_installs_packages_is_taken_out_of_the_base_and_nothing_else(tmp_path: Path) -> None:
    packages = base(tmp_path / "local")
    python = [str(tmp_path / "local" / "bin" / "python3"), "-c", "import pip"]
    assert subprocess.run(python, capture_output=True, check=False).returncode == 0
    done = subprocess.run([STEPS / "without-pip.sh", tmp_path / "local"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert subprocess.run(python, capture_output=True, check=False).returncode == 1
    assert [path.name for path in packages.iterdir()] == ["README.txt"]
    assert [path.name for path in packages.parent.iterdir()] == ["site-packages"]
    left = [path.name for path in (tmp_path / "local" / "bin").iterdir()]
    assert "python3" in left
    assert [name for name in left if "pip" in name or "wheel" in name] == []


def test_what_is_left_of_pip_stops_the_build(tmp_path: Path) -> None:
    packages = tmp_path / "local" / "lib" / "python3.11" / "site-packages"
    (packages / "pip26").mkdir(parents=True)
    (packages / "pip").mkdir()
    done = subprocess.run([STEPS / "without-pip.sh", tmp_path / "local"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == f"without-pip.sh: still there:\n{packages / 'pip26'}\n"


def test_the_last_stage_takes_pip_out_of_where_the_base_has_it() -> None:
    lines = (STEPS / "runtime.sh").read_text().splitlines()
    assert '"$(dirname "$0")/without-pip.sh" /usr/local' in lines


def test_a_machine_on_which_nothing_may_be_mounted_is_told_apart_from_a_failure(tmp_path: Path) -> None:
    """`unshare` is one that always refuses."""
    refusing = tmp_path / "unshare"
    refusing.write_text("#!/bin/sh\nexit 1\n")
    refusing.chmod(0o755)
    environ = {**os.environ, "PATH": f"{tmp_path}:{PATH}"}
    done = subprocess.run([STEPS / "exercise.sh", "overlay"], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == CANNOT
    assert re.fullmatch(
        r"exercise\.sh: (this machine lets nobody mount file systems|chroot needs root|this is no Debian)\n",
        done.stderr,
    )
