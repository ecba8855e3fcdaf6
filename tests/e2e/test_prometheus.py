"""A real Prometheus scrapes a real collector of a simulated cluster, with the alert rules that are shipped."""

from __future__ import annotations

import json
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import yaml

from simulator.server import running_simulator
from tests.alerts.promtool import RULES, program, promtool
from tests.collector.commands import environment, running
from tests.support.patience import LIMIT_SECONDS, eventually
from tests.support.scripted_http import closed_port

PREFIX = "kubeledger_collector_"


def get(url: str) -> str | None:
    """The body of an answer; None while nothing answers well."""
    try:
        with urllib.request.urlopen(url, timeout=LIMIT_SECONDS) as response:
            return str(response.read().decode())
    except (urllib.error.URLError, ConnectionError):
        return None


@dataclass(frozen=True)
class Prometheus:
    """One that runs, and the address of the collector that it scrapes."""

    url: str
    collector: str

    def ask(self, path: str, **query: str) -> Any:
        answer = get(f"{self.url}/api/v1/{path}?{urlencode(query)}")
        return None if answer is None else json.loads(answer)["data"]

    def series(self, query: str) -> dict[str, float]:
        """Values by the labels of the series, those of the target left out."""
        data = self.ask("query", query=query)
        found = {}
        for each in data["result"] if data else ():
            labels = {key: value for key, value in each["metric"].items() if key not in ("job", "instance")}
            found[" ".join(labels.values())] = float(each["value"][1])
        return found


@contextmanager
def scraping(directory: Path, target: str) -> Iterator[str]:
    port = closed_port()
    jobs = [{"job_name": "kubeledger", "static_configs": [{"targets": [target]}]}]
    intervals = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    (directory / "prometheus.yaml").write_text(
        yaml.safe_dump({"global": intervals, "rule_files": [str(RULES)], "scrape_configs": jobs})
    )
    command = [
        program("prometheus"),
        f"--config.file={directory / 'prometheus.yaml'}",
        f"--storage.tsdb.path={directory / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (directory / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    program("prometheus")
    directory, port = tmp_path_factory.mktemp("prometheus"), closed_port()
    with running_simulator(token="good") as cluster:
        settings = {"KL_METRICS_PORT": str(port), "KL_NVIDIA_DCGM_ENDPOINT": cluster.dcgm_url}
        target = f"127.0.0.1:{port}"
        with (
            running(environment(directory, cluster.url, **settings)),
            scraping(directory, target) as url,
        ):
            found = Prometheus(url, f"http://{target}")
            eventually(lambda: found.series(f"{PREFIX}publication_generation") or None)
            yield found


def test_what_the_collector_serves_has_no_fault_that_promtool_knows(prometheus: Prometheus) -> None:
    done = promtool("check", "metrics", text=get(f"{prometheus.collector}/metrics"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_prometheus_has_the_series(prometheus: Prometheus) -> None:
    names = prometheus.ask("label/__name__/values")
    assert {name.removeprefix(PREFIX) for name in names if name.startswith(PREFIX)} == {
        "build_info",
        "polling_interval_seconds",
        "last_tick_timestamp_seconds",
        "last_sample_timestamp_seconds",
        "source_observed",
        "ticks_total",
        "unmeasured_pods",
        "watch_restarts_total",
        "publications_total",
        "last_publication_succeeded",
        "publication_generation",
        "clocks_disagree",
        "store_bytes",
        "disk_free_bytes",
        "disk_size_bytes",
        "metrics_port_failures_total",
    }


def test_a_tick_of_the_simulated_cluster_is_told_of(prometheus: Prometheus) -> None:
    assert prometheus.series(f"{PREFIX}source_observed") == {
        f"{PREFIX}source_observed {source}": 1 for source in ("kubernetes", "metrics", "dcgm")
    }
    age = prometheus.series(f"time() - {PREFIX}last_sample_timestamp_seconds{{source='kubernetes'}}")
    assert 0 < age["kubernetes"] < 600
    assert prometheus.series(f"{PREFIX}clocks_disagree") == {f"{PREFIX}clocks_disagree": 0}
    assert prometheus.series(f"sum({PREFIX}ticks_total{{outcome='failed'}})") == {"": 0}


def test_no_series_names_a_namespace(prometheus: Prometheus) -> None:
    labels = set(prometheus.ask("labels"))
    assert labels <= {
        "__name__",
        "alertname",
        "alertstate",
        "cause",
        "contradicted_by",
        "directory",
        "instance",
        "job",
        "outcome",
        "part",
        "python",
        "reason",
        "resource",
        "severity",
        "source",
        "version",
    }


def test_prometheus_takes_the_rules_and_no_alert_fires(prometheus: Prometheus) -> None:
    def evaluated() -> list[dict[str, Any]] | None:
        (group,) = prometheus.ask("rules")["groups"]
        rules: list[dict[str, Any]] = group["rules"]
        return rules if all(rule["health"] != "unknown" for rule in rules) else None

    rules = eventually(evaluated)
    assert {rule["health"] for rule in rules} == {"ok"}, [rule.get("lastError") for rule in rules]
    assert [rule["name"] for rule in rules if rule["state"] == "firing"] == []
