"""The rendered pod at work: its two processes against a simulated cluster, and the container of `helm test`."""

from __future__ import annotations

import http.client
import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from collector import heartbeat
from collector.clock import boot_time
from simulator.server import running_simulator
from tests.helm.conftest import Rendered
from tests.helm.containers import POD_ADDRESS
from tests.helm.running import (
    RunningCollector,
    RunningServer,
    answers,
    command,
    helm_test,
    local,
    process,
    running_server,
)
from tests.helm.tool import Helm, container_of, the
from tests.support.certificates import self_signed
from tests.support.issuer import ISSUER, RESOURCE, key_set, key_set_file, token
from tests.support.patience import eventually
from tests.support.scripted_http import Answer, serving


@pytest.fixture(scope="module")
def pod(
    rendered: Rendered, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[RunningCollector, RunningServer]]:
    """The pod of a default installation, ready."""
    manifests, root = rendered("default"), tmp_path_factory.mktemp("volume")
    container = container_of(manifests, "collector")
    with ExitStack() as stack:
        cluster = stack.enter_context(running_simulator())
        collector = RunningCollector(container, local(container, root, KL_K8S_API_ENDPOINT=cluster.url))
        server = stack.enter_context(running_server(manifests, root))
        assert collector.probe("startupProbe") == 1
        stack.enter_context(process(container["command"], collector.environ))
        eventually(answers(lambda: collector.probe("startupProbe"), 0))
        yield collector, server


@pytest.fixture(scope="module")
def secured(rendered: Rendered, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningServer, Path]]:
    """The server of the value file `tls` and where its files are; the certificate is its own authority."""
    root = tmp_path_factory.mktemp("secured")
    for volume in ("tls", "ca"):
        (root / "files" / volume).mkdir(parents=True)
    certificate, _ = self_signed(root / "files" / "tls")
    shutil.copy(certificate, root / "files" / "ca" / "ca.crt")
    with running_server(rendered("tls"), root) as server:
        yield server, root


Pod = tuple[RunningCollector, RunningServer]


def test_the_probes_succeed(pod: Pod) -> None:
    collector, server = pod
    assert collector.probe("livenessProbe") == 0
    assert server.probe("readinessProbe") == 200
    assert server.probe("livenessProbe") == 200


def test_the_probes_succeed_over_https_and_http_is_not_spoken_there(secured: tuple[RunningServer, Path]) -> None:
    server, _ = secured
    assert server.probe("readinessProbe") == 200
    assert server.probe("livenessProbe") == 200
    for port in ("mcp", "metrics"):
        with pytest.raises((OSError, http.client.HTTPException)):
            server.ask("/metrics", port=port)


def test_the_container_of_helm_test_finds_the_server_and_its_tools(
    pod: Pod, rendered: Rendered, tmp_path: Path
) -> None:
    done = helm_test(rendered("default"), tmp_path, f"http://127.0.0.1:{pod[1].ports['mcp']}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "'ready': True" in done.stdout
    assert "get_top_consumers" in done.stdout


def test_the_container_of_helm_test_verifies_the_certificate_by_its_authority(
    secured: tuple[RunningServer, Path], rendered: Rendered, tmp_path: Path
) -> None:
    server, root = secured
    url = f"https://127.0.0.1:{server.ports['mcp']}"
    done = helm_test(rendered("tls"), root, url)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "get_top_consumers" in done.stdout
    (tmp_path / "files" / "ca").mkdir(parents=True)
    certificate, _ = self_signed(tmp_path / "files" / "ca")
    certificate.rename(certificate.with_name("ca.crt"))
    done = helm_test(rendered("tls"), tmp_path, url)
    assert done.returncode != 0
    assert "the server's certificate is not good for 127.0.0.1" in done.stderr


def test_the_container_of_helm_test_takes_any_certificate_where_no_authority_is_named(
    secured: tuple[RunningServer, Path], helm: Helm, tmp_path: Path
) -> None:
    manifests = helm.render("--set", "mcp.tls.existingSecret.name=kubeledger-tls")
    done = helm_test(manifests, tmp_path, f"https://127.0.0.1:{secured[0].ports['mcp']}")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_container_of_helm_test_fails_where_something_else_answers(rendered: Rendered, tmp_path: Path) -> None:
    with running_simulator() as other:
        done = helm_test(rendered("default"), tmp_path, other.url)
    assert done.returncode != 0
    assert "/readyz answered 404" in done.stderr


def test_the_container_of_helm_test_fails_where_a_token_should_be_asked_for_and_is_not(
    pod: Pod, rendered: Rendered, tmp_path: Path
) -> None:
    done = helm_test(rendered("auth"), tmp_path, f"http://127.0.0.1:{pod[1].ports['mcp']}")
    assert done.returncode != 0
    assert "the server answered a caller without token" in done.stderr


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("kubeledger.kubeledger.svc:5485", 200),
        (f"{POD_ADDRESS}:5485", 200),
        ("localhost:5485", 200),
        ("evil.example:5485", 421),
    ],
)
def test_metrics_are_scraped_by_the_service_and_by_the_pod_s_address(pod: Pod, host: str, status: int) -> None:
    assert pod[1].ask("/metrics", host=host, port="metrics") == status


def test_each_port_has_its_own_and_nothing_of_the_other(pod: Pod, secured: tuple[RunningServer, Path]) -> None:
    """Who is let in at the port for metrics alone gets no further."""
    for server, scheme in ((pod[1], "HTTP"), (secured[0], "HTTPS")):
        assert server.ask("/metrics", port="metrics", scheme=scheme) == 200
        assert server.ask("/metrics", port="mcp", scheme=scheme) == 404
        # A GET is refused where there is an endpoint.
        assert server.ask("/mcp", port="mcp", scheme=scheme) == 405
        assert server.ask("/mcp", port="metrics", scheme=scheme) == 404


def test_with_tokens_the_probes_need_none_and_all_else_does(rendered: Rendered, tmp_path: Path) -> None:
    (tmp_path / "files" / "tokens").mkdir(parents=True)
    tokens = {"tokens": [{"name": "tester", "token": "0123456789abcdef"}]}
    (tmp_path / "files" / "tokens" / "tokens.json").write_text(json.dumps(tokens))
    with running_server(rendered("auth"), tmp_path) as server:
        assert server.probe("livenessProbe") == 200
        assert server.ask("/mcp") == 401
        assert server.ask("/metrics", port="metrics") == 401
        done = helm_test(rendered("auth"), tmp_path, f"http://127.0.0.1:{server.ports['mcp']}")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "the server asks for a token")


def test_with_jwts_a_client_without_one_finds_the_issuer_at_the_paths_of_the_ingress(
    helm: Helm, tmp_path: Path
) -> None:
    (tmp_path / "files" / "jwks").mkdir(parents=True)
    key_set_file(tmp_path / "files" / "jwks" / "jwks.json")
    keys = f"mcp.jwt.existingConfigMap.name=keys,mcp.jwt.issuer={ISSUER}"
    manifests = helm.render("--set", f"{keys},ingress.enabled=true,ingress.host=ledger.example.com")
    (rule,) = the(manifests, "Ingress")["spec"]["rules"]
    endpoint, metadata = (each["path"] for each in rule["http"]["paths"])
    with running_server(manifests, tmp_path) as server:
        assert server.ask(endpoint, host="ledger.example.com") == 401
        assert server.ask(metadata, host="ledger.example.com") == 200
        # Past the gate, a GET is refused for being one; so much for a JWT, and nothing for one of another audience.
        assert server.ask(endpoint, token=token(aud="https://ledger.example.com/mcp")) == 405
        assert server.ask(endpoint, token=token(aud="https://other.example.com/mcp")) == 401
        done = helm_test(manifests, tmp_path, f"http://127.0.0.1:{server.ports['mcp']}")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "the server asks for a token")


@pytest.mark.parametrize(("named", "status"), [(True, 405), (False, 503)])
def test_keys_come_from_a_url_whose_authority_a_config_map_names(
    helm: Helm, tmp_path: Path, named: bool, status: int
) -> None:
    """405 is past the gate, 503 says that the issuer's keys are not known."""
    (tmp_path / "files" / "issuer-ca").mkdir(parents=True)
    tls = self_signed(tmp_path)
    shutil.copy(tls[0], tmp_path / "files" / "issuer-ca" / "ca.crt")
    with serving(lambda _request: Answer(body=key_set()), tls=tls) as issuer:
        keys = f"mcp.jwt.jwksUrl={issuer.url}/keys,mcp.jwt.issuer={ISSUER},mcp.jwt.resourceUrl={RESOURCE}"
        authority = ",mcp.jwt.existingCaConfigMap.name=company" if named else ""
        with running_server(helm.render("--set", keys + authority), tmp_path) as server:
            assert server.ask("/mcp", token=token()) == status


@pytest.mark.parametrize(("age", "code"), [(610, 0), (910, 1)])
def test_the_collector_is_restarted_where_its_heartbeat_is_three_intervals_old(
    rendered: Rendered, tmp_path: Path, age: int, code: int
) -> None:
    """The chart's default interval is 300 s."""
    container = container_of(rendered("default"), "collector")
    environ = local(container, tmp_path)
    file = Path(environ["KL_DB_LOCATION"], heartbeat.FILE)
    file.parent.mkdir()
    # A restart puts no clock right and makes no cluster answer.
    heartbeat.give(file, boot_time() - age, boot_time() - 12 * 3600, "the clock says that it is tomorrow")
    words = container["livenessProbe"]["exec"]["command"]
    assert subprocess.run(command(words), env=environ, capture_output=True, check=False).returncode == code
