"""The steps of the Dockerfile, gone through without a container engine, and what the Dockerfile says."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from collector import heartbeat
from collector.clock import boot_time
from collector.settings import SETTINGS as COLLECTOR_SETTINGS
from kl_mcp import __version__
from tests.helm.tool import CHART, ROOT
from tests.support.patience import LIMIT_SECONDS, eventually
from tests.support.published import publish
from tests.support.scripted_http import closed_port

STEPS = ROOT / "deploy" / "image"
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def instructions() -> list[tuple[str, str]]:
    """Keyword and arguments of each instruction, continued lines joined."""
    lines = [line for line in DOCKERFILE.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines()
    return [(keyword, rest) for keyword, _, rest in (line.partition(" ") for line in joined)]


def stages() -> list[list[tuple[str, str]]]:
    """The instructions of each stage; those before the first FROM are none's."""
    found: list[list[tuple[str, str]]] = []
    for keyword, rest in instructions():
        if keyword == "FROM":
            found.append([])
        if found:
            found[-1].append((keyword, rest))
    return found


def named(stage: list[tuple[str, str]], keyword: str) -> list[str]:
    """Arguments of the instructions of one kind in a stage."""
    return [rest for each, rest in stage if each == keyword]


def environment_of_the_image() -> dict[str, str]:
    """What ENV sets in the last stage."""
    (text,) = named(stages()[-1], "ENV")
    return dict(pair.split("=", 1) for pair in text.split())


def test_both_stages_start_from_one_base_pinned_by_digest() -> None:
    (base,) = [rest for keyword, rest in instructions() if keyword == "ARG" and rest.startswith("PYTHON_IMAGE=")]
    assert re.fullmatch(r"PYTHON_IMAGE=python:3\.\d+\.\d+-slim-bookworm@sha256:[0-9a-f]{64}", base)
    assert [named(stage, "FROM") for stage in stages()] == [["${PYTHON_IMAGE} AS build"], ["${PYTHON_IMAGE}"]]


def test_the_steps_are_the_scripts_that_are_tested_here() -> None:
    build, last = stages()
    run = [re.findall(r"(?:/steps|deploy/image)/([a-z-]+\.sh)", rest) for rest in named(build, "RUN")]
    assert run == [["build-packages.sh"], ["build.sh"]]
    assert [re.findall(r"/steps/([a-z-]+\.sh)", rest) for rest in named(last, "RUN")] == [["runtime.sh"]]
    for name in ("build-packages.sh", "build.sh", "runtime.sh", "exercise.sh"):
        assert os.access(STEPS / name, os.X_OK)
        done = subprocess.run(["sh", "-n", STEPS / name], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")


def test_the_last_stage_gets_librrd_without_its_headers_and_nothing_of_the_source() -> None:
    last = stages()[-1]
    assert named(last, "COPY") == ["--from=build /opt/kubeledger /opt/kubeledger"]
    packages = re.findall(r"apt-get install (.*?)(?:>|$)", (STEPS / "runtime.sh").read_text(), re.MULTILINE)
    assert [word for each in packages for word in each.split() if not word.startswith("-")] == ["librrd8"]


def test_the_user_is_the_one_the_chart_names_and_not_root() -> None:
    (user,) = named(stages()[-1], "USER")
    helpers = (CHART / "templates" / "_helpers.tpl").read_text()
    ids = {key: re.findall(rf"{key}: (\d+)", helpers) for key in ("runAsUser", "runAsGroup", "fsGroup")}
    assert user == "10001:10001"
    assert set(map(tuple, ids.values())) == {("10001",)}
    created = (STEPS / "runtime.sh").read_text()
    assert "--gid 10001" in created
    assert "--uid 10001" in created


def test_the_image_says_what_it_is_and_how_it_is() -> None:
    last = stages()[-1]
    (labels,) = named(last, "LABEL")
    wanted = ("title", "description", "licenses", "url", "source", "version", "revision", "created")
    assert re.findall(r"org\.opencontainers\.image\.([a-z]+)=", labels) == list(wanted)
    assert {"VERSION", "REVISION", "CREATED"} <= {rest.partition("=")[0] for rest in named(last, "ARG")}
    assert named(last, "CMD") == ['["kl-mcp"]']
    (check,) = named(last, "HEALTHCHECK")
    assert check.endswith('CMD ["kubeledger-healthcheck"]')


def test_the_paths_of_the_image_are_those_of_the_chart_and_on_its_volume() -> None:
    told = environment_of_the_image()
    settings = {name: value for name, value in told.items() if name.startswith("KL_")}
    assert set(settings) <= {setting.name for setting in COLLECTOR_SETTINGS}
    helpers = (CHART / "templates" / "_helpers.tpl").read_text()
    for name, value in settings.items():
        assert f"- name: {name}\n  value: {value}\n" in helpers
    assert named(stages()[-1], "VOLUME") == ['["/var/lib/kubeledger"]']
    assert all(value.startswith("/var/lib/kubeledger/") for value in settings.values())


def test_the_port_that_is_exposed_is_the_one_of_the_chart() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert named(stages()[-1], "EXPOSE") == [str(values["mcp"]["port"])]


def context(directory: Path) -> Path:
    """The build context: what .dockerignore lets through, at `directory`."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    patterns = [line for line in lines if line and not line.startswith("#")]
    assert patterns[0] == "*", "everything is left out but what is named"
    for pattern in (line.removeprefix("!") for line in patterns if line.startswith("!")):
        found = list(ROOT.glob(pattern))
        assert found, f"{pattern} of .dockerignore is nothing"
        for path in found:
            target = directory / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            if path.is_dir():
                shutil.copytree(path, target, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
            else:
                shutil.copy(path, target)
    return directory


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the first stage builds from its context, at another place than the image's."""
    source = context(tmp_path_factory.mktemp("context"))
    built = tmp_path_factory.mktemp("image") / "kubeledger"
    # Two thirds of the time would go into compiling bytecode.
    environ = {**os.environ, "VERSION": __version__, "PIP_COMPILE": "0"}
    done = subprocess.run(
        [source / "deploy" / "image" / "build.sh", built], env=environ, capture_output=True, text=True, check=False
    )
    offline = re.search(
        r"(Temporary failure in name resolution|Name or service not known|Connection refused)", done.stderr
    )
    if done.returncode and offline:
        pytest.skip(f"the package index cannot be reached: {offline[0]}")
    assert done.returncode == 0, done.stderr[-3000:]
    return built


def run(prefix: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """A command of the image, with the image's PATH."""
    told = {"PATH": f"{prefix}/bin:/usr/bin:/bin", "HOME": "/nonexistent", **environ}
    return subprocess.run(
        [prefix / "bin" / words[0], *words[1:]],
        cwd="/",
        env=told,
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT_SECONDS,
    )


@pytest.mark.image
def test_the_commands_of_the_image_run(prefix: Path) -> None:
    for command in ("kl-mcp", "kl-collector"):
        assert run(prefix, command, "--version").stdout == f"{command} {__version__}\n"
    modules = "collector.cli, collector.store.rrd.database, kl_mcp.transport.app"
    done = run(prefix, "python", "-c", f"import {modules}; print(kl_mcp.__file__)")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(prefix))


@pytest.mark.image
def test_the_image_holds_the_product_and_nothing_of_its_development(prefix: Path) -> None:
    (packages,) = prefix.glob("lib/python3*/site-packages")
    installed = {re.sub(r"[-_.]+", "-", path.name.split("-")[0]).lower() for path in packages.glob("*.dist-info")}
    assert {"kubeledger", "mcp", "rrdtool", "kubernetes", "numpy"} <= installed
    unwanted = {"pip", "setuptools", "hatchling", "pytest", "mypy", "ruff", "hypothesis", "kubernetes-validate"}
    assert installed & unwanted == set()


@pytest.mark.image
def test_versions_are_those_of_the_lock(prefix: Path) -> None:
    lock = (ROOT / "requirements.lock").read_text()
    locked = {
        (re.sub(r"[-_.]+", "-", name).lower(), version)
        for name, version in re.findall(r"^([A-Za-z0-9._-]+)==([^ ;]+)", lock, re.MULTILINE)
    }
    (packages,) = prefix.glob("lib/python3*/site-packages")
    pairs = (path.name.removesuffix(".dist-info").split("-") for path in packages.glob("*.dist-info"))
    installed = {(re.sub(r"[-_.]+", "-", name).lower(), version) for name, version in pairs}
    assert installed - locked == {("kubeledger", __version__)}


def test_a_version_that_the_source_does_not_bear_is_refused(tmp_path: Path) -> None:
    environ = {**os.environ, "VERSION": "9.9.9"}
    done = subprocess.run(
        [STEPS / "build.sh", tmp_path / "p"], env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr == f"build.sh: VERSION is 9.9.9, but this source is {__version__}\n"
    assert not (tmp_path / "p").exists()


@contextmanager
def started(prefix: Path, *words: str, **environ: str) -> Iterator[subprocess.Popen[bytes]]:
    told = {"PATH": f"{prefix}/bin:/usr/bin:/bin", "HOME": "/nonexistent", **environ}
    process = subprocess.Popen([prefix / "bin" / words[0], *words[1:]], env=told, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.image
def test_the_health_check_asks_the_server_where_the_container_runs_it(prefix: Path, tmp_path: Path) -> None:
    publish(tmp_path)
    told = {"KL_MCP_LISTEN_PORT": str(closed_port()), "KL_DATA_DIR": str(tmp_path)}
    with started(prefix, "kl-mcp", "--host", "127.0.0.1", **told) as server:
        eventually(lambda: run(prefix, "kubeledger-healthcheck", str(server.pid), **told).returncode == 0)
        # Connections to a process that is stopped are accepted by the kernel, and answered by nobody.
        server.send_signal(signal.SIGSTOP)
        done = run(prefix, "kubeledger-healthcheck", str(server.pid), **told)
        assert done.returncode == 1
        assert done.stderr == "kubeledger-healthcheck: the server does not answer: timed out\n"


@pytest.mark.image
def test_the_health_check_asks_the_collector_where_the_container_runs_that(prefix: Path, tmp_path: Path) -> None:
    told = {
        "KL_DB_LOCATION": str(tmp_path / "db"),
        "KL_DATA_DIR": str(tmp_path / "data"),
        "KL_K8S_API_ENDPOINT": f"http://127.0.0.1:{closed_port()}",
        "KL_METRICS_PORT": "0",
    }
    with started(prefix, "kl-collector", "run", **told) as collector:
        eventually(lambda: run(prefix, "kubeledger-healthcheck", str(collector.pid), **told).returncode == 0)
        # A loop that went on would renew it.
        collector.send_signal(signal.SIGSTOP)
        heartbeat.give(tmp_path / "db" / heartbeat.FILE, boot_time() - 1000, boot_time(), None)
        done = run(prefix, "kubeledger-healthcheck", str(collector.pid), **told)
    assert done.returncode == 1
    assert "not healthy" in done.stderr


@pytest.mark.image
def test_the_health_check_has_nothing_to_ask_of_other_commands_and_of_stdio(prefix: Path) -> None:
    assert run(prefix, "kubeledger-healthcheck", str(os.getpid())).returncode == 0
    with started(prefix, "kl-mcp", "--transport", "stdio") as server:
        assert run(prefix, "kubeledger-healthcheck", str(server.pid)).returncode == 0


LOCK = """\
alpha==1.0 \\
    --hash=sha256:aa
    # via kubeledger (pyproject.toml)
beta-two==2.0 ; python_full_version < '3.12' \\
    --hash=sha256:bb
    # via
    #   Alpha
    #   tool
beta-two==2.1 ; python_full_version >= '3.12' \\
    --hash=sha256:cc
    # via alpha
gamma==3.0 \\
    --hash=sha256:dd
    # via beta.two[extra]
tool==4.0 \\
    --hash=sha256:ee
    # via kubeledger (pyproject.toml:dev)
"""


@pytest.mark.parametrize(
    ("roots", "expected"),
    [
        ([], ["alpha==1.0", "beta-two==2.0", "beta-two==2.1", "gamma==3.0"]),
        (["tool"], ["beta-two==2.0", "beta-two==2.1", "gamma==3.0", "tool==4.0"]),
        (["gamma"], ["gamma==3.0"]),
    ],
)
def test_a_part_of_a_lock_is_what_some_packages_need(tmp_path: Path, roots: list[str], expected: list[str]) -> None:
    """A name is taken with all its markers."""
    (tmp_path / "lock").write_text(LOCK)
    done = subprocess.run(
        [sys.executable, STEPS / "locked.py", tmp_path / "lock", *roots], capture_output=True, text=True, check=True
    )
    found = [line.split()[0] for line in done.stdout.splitlines() if "==" in line]
    assert found == expected
    assert done.stdout.count("--hash=") == len(expected)
    assert "#" not in done.stdout


def test_a_root_that_is_not_in_the_lock_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text(LOCK)
    command = [sys.executable, str(STEPS / "locked.py"), str(tmp_path / "lock"), "delta"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "delta not in the lock" in done.stderr
