"""Taking over an existing installation's history inside a cluster, before the first tick."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from collector.store.store import Store
from kl_query.dataset import load_dataset
from simulator.server import running_simulator
from tests.collector.store.reading import usage
from tests.helm.conftest import Rendered
from tests.helm.pod_security import violations
from tests.helm.running import FILES, command, local
from tests.helm.test_chart import complaint
from tests.helm.test_kustomize import build
from tests.helm.tool import ROOT, Helm, Manifest, container_of, pod_of, the
from tests.support.legacy_rrd import hashes, steps, write_database

HOUR = 3600
CAPACITY = "importFrom.capacity.cpu=50,importFrom.capacity.memory=200Gi"
CLAIM = "importFrom.existingClaim=data-vol-kubeledger-0"


def import_of(manifests: list[Manifest]) -> Manifest:
    """The init container that imports."""
    (container,) = pod_of(manifests)["spec"]["initContainers"]
    assert container["name"] == "import"
    return dict(container)


def source(root: Path) -> int:
    """When the databases begin of an installation that ended in this hour. `shop` used half of the CPU."""
    end = int(time.time()) // 300 * 300
    begin = end // HOUR * HOUR - 6 * HOUR
    directory = root / "existing" / "db"
    directory.mkdir(parents=True)
    for name, values in (("shop", (50.0, 25.0)), ("shop__rf", (0.5, 0.5)), ("non-allocatable", (4.0, 4.0))):
        write_database(directory / name, steps(begin, end, *values))
    return begin


def run(container: Manifest, words: Sequence[str], root: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """A container's command here, with the existing claim at `root/existing`."""
    places = {"/import": str(root / "existing"), FILES: str(root / "files")}
    for there, here in places.items():
        words = [each.replace(there, here, 1) if each.startswith(there) else each for each in words]
    environ = local(container, root, **settings)
    return subprocess.run(command(words), env=environ, capture_output=True, text=True, check=False)


def hours_of_shop(root: Path, begin: int) -> list[float]:
    """CPU that `shop` used in the first six hours, in core-hours; the published dataset names it too."""
    assert "shop" in load_dataset(root / "data").namespaces
    with Store.open(root / "db") as store:
        return [value or 0.0 for value in usage(store, "shop", begin, 6)]


def test_the_pod_imports_before_the_collector_starts_and_may_be_restarted_later(
    rendered: Rendered, tmp_path: Path
) -> None:
    """50 % of 50 cores: 25 core-hours an hour. The kubelet starts no container before this one has succeeded."""
    manifests, begin = rendered("import"), source(tmp_path)
    before = hashes(tmp_path / "existing" / "db")
    container, collector = import_of(manifests), container_of(manifests, "collector")
    done = run(container, container["command"], tmp_path)
    assert done.returncode == 0, done.stderr
    assert hours_of_shop(tmp_path, begin) == pytest.approx([25.0] * 6)
    with running_simulator() as cluster:
        tick = run(collector, ["kl-collector", "once"], tmp_path, KL_K8S_API_ENDPOINT=cluster.url)
    assert tick.returncode == 0, tick.stderr
    again = run(container, container["command"], tmp_path)
    assert again.returncode == 0, again.stderr
    assert "stored 0 ticks" in again.stdout
    assert hours_of_shop(tmp_path, begin) == pytest.approx([25.0] * 6)
    assert hashes(tmp_path / "existing" / "db") == before


def test_an_import_that_fails_keeps_the_collector_from_starting(rendered: Rendered, tmp_path: Path) -> None:
    """As where the directory is another: nothing is written, and the kubelet tries again."""
    (tmp_path / "existing").mkdir()
    container = import_of(rendered("import"))
    done = run(container, container["command"], tmp_path)
    assert (done.returncode, (tmp_path / "db").exists()) == (1, False)
    assert f"cannot read the directory {tmp_path}/existing/db" in done.stderr


def test_histories_come_from_a_config_map(helm: Helm, tmp_path: Path) -> None:
    begin = source(tmp_path)
    keys = "importFrom.historyConfigMap.name=past,importFrom.historyConfigMap.capacityKey=capacity.csv"
    manifests = helm.render("--set", f"{CLAIM},{keys},importFrom.withOpenHour=false")
    container = import_of(manifests)
    assert "--with-open-hour" not in container["command"]
    volume = next(each for each in pod_of(manifests)["spec"]["volumes"] if each["name"] == "import-history")
    (item,) = volume["configMap"]["items"]
    (mount,) = [each for each in container["volumeMounts"] if each["name"] == "import-history"]
    assert (item["key"], f"{mount['mountPath']}/{item['path']}") == ("capacity.csv", container["command"][-1])
    (tmp_path / "files" / "import-history").mkdir(parents=True)
    (tmp_path / "files" / "import-history" / item["path"]).write_text("from,cpu,memory\n,10,40Gi\n")
    done = run(container, container["command"], tmp_path)
    assert done.returncode == 0, done.stderr
    assert hours_of_shop(tmp_path, begin) == pytest.approx([5.0] * 6)


def test_both_claims_are_of_one_pod_and_the_existing_one_is_only_read(rendered: Rendered) -> None:
    manifests = rendered("import")
    volumes = {each["name"]: each for each in pod_of(manifests)["spec"]["volumes"]}
    assert volumes["import"]["persistentVolumeClaim"] == {"claimName": "data-vol-kubeledger-0", "readOnly": True}
    (template,) = the(manifests, "StatefulSet")["spec"]["volumeClaimTemplates"]
    mounts = {each["name"]: each.get("readOnly") for each in import_of(manifests)["volumeMounts"]}
    assert mounts == {template["metadata"]["name"]: None, "tmp": None, "import": True}
    assert pod_of(manifests)["spec"]["securityContext"]["supplementalGroups"] == [4583]
    for name in ("collector", "mcp"):
        assert "import" not in [each["name"] for each in container_of(manifests, name)["volumeMounts"]]


def test_the_import_gets_no_credentials_for_a_cluster(helm: Helm) -> None:
    secret = "kubernetesApi.existingSecret"
    api = f"kubernetesApi.endpoint=https://a.example,{secret}.name=s,{secret}.usernameKey=u,{secret}.passwordKey=p"
    manifests = helm.render("--set", f"{CLAIM},{CAPACITY},{api}")
    assert [each["name"] for each in import_of(manifests)["env"] if "K8S" in each["name"]] == []
    assert [each["name"] for each in container_of(manifests, "collector")["env"] if "AUTH" in each["name"]]


def test_the_group_of_the_files_is_another_or_none_where_that_is_said(helm: Helm) -> None:
    for group, expected in ((1000, [1000]), (0, [0]), (-1, None)):
        manifests = helm.render("--set", f"{CLAIM},{CAPACITY},importFrom.group={group}")
        assert pod_of(manifests)["spec"]["securityContext"].get("supplementalGroups") == expected


def test_without_an_import_nothing_of_it_is_there(helm: Helm, rendered: Rendered) -> None:
    assert helm.render("--set", CAPACITY) == rendered("default")
    assert "initContainers" not in pod_of(rendered("default"))["spec"]


def test_the_claim_template_is_the_same_with_and_without_an_import(rendered: Rendered) -> None:
    """A StatefulSet's cannot be changed, and the upgrade after the import would."""
    with_import, without = (the(rendered(name), "StatefulSet")["spec"] for name in ("import", "default"))
    for field in ("selector", "serviceName", "volumeClaimTemplates"):
        assert with_import[field] == without[field]


@pytest.mark.parametrize(
    ("values", "named"),
    [
        (CLAIM, "set importFrom.capacity.cpu and importFrom.capacity.memory"),
        (f"{CLAIM},importFrom.capacity.cpu=50", "set importFrom.capacity.cpu and importFrom.capacity.memory"),
        (
            f"{CLAIM},{CAPACITY},importFrom.historyConfigMap.name=a,importFrom.historyConfigMap.capacityKey=b",
            "and not both",
        ),
        (f"{CLAIM},{CAPACITY},importFrom.historyConfigMap.name=a", "importFrom.historyConfigMap needs its name"),
        (f"{CLAIM},importFrom.historyConfigMap.capacityKey=b", "importFrom.historyConfigMap needs its name"),
        (f"{CLAIM},{CAPACITY},persistence.enabled=false", "importFrom.existingClaim needs persistence.enabled"),
        (f"{CLAIM},{CAPACITY},persistence.existingClaim=data-vol-kubeledger-0", "cannot be persistence.existingClaim"),
        (f"{CLAIM},{CAPACITY},importFrom.directory=../other", "importFrom.directory"),
        (f"{CLAIM},{CAPACITY},importFrom.directory=/db", "importFrom.directory"),
    ],
)
def test_an_import_that_cannot_work_is_refused(helm: Helm, values: str, named: str) -> None:
    done = helm.template("--set", values)
    assert done.returncode != 0
    assert named in done.stderr


@pytest.fixture(scope="module")
def job() -> list[Manifest]:
    """What `kubectl apply -k deploy/import` would apply."""
    return build(ROOT / "deploy" / "import")


def test_the_job_runs_what_the_chart_runs(helm: Helm, job: list[Manifest]) -> None:
    manifests = helm.render("--set", f"{CLAIM},{CAPACITY}")
    spec, chart = the(job, "Job")["spec"]["template"]["spec"], pod_of(manifests)["spec"]
    assert spec["containers"] == [import_of(manifests)]
    assert spec["securityContext"] == chart["securityContext"]
    assert violations(spec) == []
    assert spec["automountServiceAccountToken"] is False
    for each in job:
        assert complaint(json.dumps(each, sort_keys=True), "1.37") is None
    volumes = {each["name"]: each for each in chart["volumes"] if each["name"] in ("tmp", "import")}
    claim = {"name": "data", "persistentVolumeClaim": {"claimName": "data-kubeledger-0"}}
    assert {each["name"]: each for each in spec["volumes"]} == {**volumes, "data": claim}


def test_the_claim_of_the_job_is_the_one_that_the_stateful_set_would_make(job: list[Manifest]) -> None:
    """A claim is called after its template, the StatefulSet and the pod's number."""
    stateful = the(build(ROOT / "deploy" / "kustomize"), "StatefulSet")
    (template,) = stateful["spec"]["volumeClaimTemplates"]
    claim = the(job, "PersistentVolumeClaim")
    assert claim["metadata"]["name"] == f"{template['metadata']['name']}-{stateful['metadata']['name']}-0"
    assert claim["metadata"]["labels"] == template["metadata"]["labels"]
    assert claim["metadata"]["namespace"] == stateful["metadata"]["namespace"]
    assert claim["spec"] == template["spec"]


def test_no_service_and_no_stateful_set_takes_the_pod_of_the_job_for_its_own(job: list[Manifest]) -> None:
    labels = the(job, "Job")["spec"]["template"]["metadata"]["labels"].items()
    base = build(ROOT / "deploy" / "kustomize")
    selectors = [the(base, "Service")["spec"]["selector"], the(base, "StatefulSet")["spec"]["selector"]["matchLabels"]]
    assert not any(selector.items() <= labels for selector in selectors)


def test_the_job_imports(job: list[Manifest], tmp_path: Path) -> None:
    begin = source(tmp_path)
    (container,) = the(job, "Job")["spec"]["template"]["spec"]["containers"]
    done = run(container, container["command"], tmp_path)
    assert done.returncode == 0, done.stderr
    assert hours_of_shop(tmp_path, begin) == pytest.approx([25.0] * 6)
