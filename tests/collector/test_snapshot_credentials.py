"""What sources do with credentials that are wrong, or do not come."""

from __future__ import annotations

import json
import logging
import os
import stat
from pathlib import Path
from threading import Event, Timer

import pytest

from collector.settings import load
from collector.snapshot import LiveSources
from kl_core.errors import SettingsError
from tests.collector.listed_cluster import PAGES, cluster_of
from tests.support.patience import LIMIT_SECONDS, eventually
from tests.support.scripted_http import Answer, Request, serving, status_answer


def test_settings_that_lead_to_no_cluster_are_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No cluster to talk to"):
        LiveSources(load({"HOME": str(tmp_path), "KUBECONFIG": str(tmp_path / "none")}))


def test_a_token_that_is_wrong_is_told_without_telling_it(caplog: pytest.LogCaptureFixture) -> None:
    def script(request: Request) -> Answer:
        right = request.headers.get("authorization") == "Bearer right"
        return PAGES[request.path] if right else status_answer(401, "Unauthorized")

    with serving(script) as server, caplog.at_level(logging.DEBUG):
        environ = {"HOME": "/nonexistent", "KL_K8S_API_ENDPOINT": server.url}
        with LiveSources(load({**environ, "KL_K8S_AUTH_TOKEN": "hush-hush"}), watching=False) as sources:
            assert cluster_of(sources) is None
        with LiveSources(load({**environ, "KL_K8S_AUTH_TOKEN": "right"}), watching=False) as sources:
            assert cluster_of(sources) is not None
    assert "does not accept the credentials (401)" in caplog.text
    assert "hush" not in caplog.text


def test_credentials_that_cannot_be_loaded_now_are_tried_again(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_bytes(b"\xff\xfe")
    with serving(lambda request: PAGES[request.path]) as server:
        settings = load({"HOME": "/nonexistent", "KL_K8S_API_ENDPOINT": server.url,
                         "KL_K8S_AUTH_TOKEN_FILE": str(token)})  # fmt: skip
        with LiveSources(settings, watching=False) as sources:
            assert cluster_of(sources) is None
            token.write_text("good")
            assert cluster_of(sources) is not None


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """A kubeconfig whose credential plugin says its process id and then nothing any more."""
    program = tmp_path / "plugin"
    noted = str(tmp_path / "pid")
    # Of a shell, since that leaves a process of its own behind when it is ended alone.
    program.write_text(f"#!/bin/sh\necho $$ >>{noted}\nsleep 3600 &\necho $! >>{noted}\nwait\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    run = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(program), "interactiveMode": "Never"}
    config = {
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:9"}}],
        "users": [{"name": "u", "user": {"exec": run}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    }  # fmt: skip
    path = tmp_path / "config"
    path.write_text(json.dumps(config))
    return path


def test_a_credential_plugin_that_hangs_ends_at_the_deadline(
    plugin: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("collector.snapshot.FIRST_LOOK_SEC", 0.5)
    settings = load({"HOME": str(plugin.parent), "KUBECONFIG": str(plugin)})
    with LiveSources(settings, watching=False, reading_sec=0.5) as sources:
        assert cluster_of(sources) is None
    assert "the credential plugin of the kubeconfig did not answer within" in caplog.text
    ran = [int(line) for line in (plugin.parent / "pid").read_text().split()]
    assert ran
    eventually(lambda: not any(map(_runs, ran)))


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]


def test_whoever_waits_is_told_to_stop(
    plugin: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("collector.snapshot.FIRST_LOOK_SEC", 0.5)
    stop = Event()
    settings = load({"HOME": str(plugin.parent), "KUBECONFIG": str(plugin)})
    with LiveSources(settings, stop=stop, reading_sec=LIMIT_SECONDS) as sources:
        Timer(0.3, stop.set).start()
        assert cluster_of(sources) is None
    assert "/api/v1/pods was not read before the collector was stopped" in caplog.text
