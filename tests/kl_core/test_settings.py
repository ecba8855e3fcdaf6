"""What holds of the settings of both programs alike: how they are written, and what becomes of names that are none."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from collector import settings as collector
from kl_core.casts import MAX_GLOBS_CHARS
from kl_core.errors import SettingsError
from kl_core.setting_names import SETTING_NAMES
from kl_core.settings import Loaded, Setting, edit_distance
from kl_mcp import settings as server
from simulator.processes import environment
from tests.support.patience import LIMIT_SECONDS

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Program:
    """One of the programs that read settings; `command` reads them and ends."""

    load: Callable[[Mapping[str, str]], Loaded]
    settings: tuple[Setting, ...]
    command: tuple[str, ...]

    def run(self, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", *self.command],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            env=environment(variables),
            timeout=LIMIT_SECONDS,
            check=False,
        )


COLLECTOR = Program(collector.load, collector.SETTINGS, ("collector", "health"))
SERVER = Program(lambda environ: server.load(environ, []), server.SETTINGS, ("kl_mcp", "--transport", "stdio"))
PROGRAMS = {"collector": COLLECTOR, "server": SERVER}
EACH_SETTING = [
    pytest.param(program, setting, id=f"{name}-{setting.name}")
    for name, program in PROGRAMS.items()
    for setting in program.settings
]

JWT = {
    "KL_MCP_JWT_JWKS": "https://idp.example/keys",
    "KL_MCP_JWT_ISSUER": "https://idp.example",
    "KL_MCP_RESOURCE_URL": "https://kubeledger.example/mcp",
}
COLLECTOR_SAMPLES = {
    "KL_DB_LOCATION": "/db",
    "KL_DATA_DIR": "/data",
    "KL_PUBLISH_KUBELEDGER_LAYOUT": "true",
    "KL_KUBELEDGER_DATA_DIR": "/existing",
    "KL_POLLING_INTERVAL_SEC": "600",
    "KL_COST_MODEL": "RATIO",
    "KL_BILLING_HOURLY_RATE": "2",
    "KL_BILLING_CURRENCY": "€",
    "KL_BILLING_RESOURCE_WEIGHTS": "cpu=1",
    "KL_NVIDIA_DCGM_ENDPOINT": "http://a:9400",
    "KL_INCLUDED_NAMESPACES": "a*",
    "KL_EXCLUDED_NAMESPACES": "b*",
    "KL_EXCLUDED_NODES": "!machine",
    "KL_CLUSTER_NAME": "prod",
    "KL_METRICS_HOST": "::1",
    "KL_METRICS_PORT": "9091",
    "KL_LOG_LEVEL": "DEBUG",
    "KL_K8S_API_ENDPOINT": "http://a:8080",
    "KL_K8S_AUTH_TOKEN": "hunter2",
    "KL_K8S_AUTH_TOKEN_FILE": "/t",
    "KL_K8S_CACERT": "/ca",
    "KL_K8S_API_VERIFY_SSL": "false",
    "KL_K8S_AUTH_CLIENT_CERT": "/c",
    "KL_K8S_AUTH_CLIENT_CERT_KEY": "/k",
    "KL_K8S_AUTH_USERNAME": "ada",
    "KL_K8S_AUTH_PASSWORD": "hunter2",
    "KL_REQUEST_TIMEOUT_SEC": "7.5",
}
SERVER_SAMPLES = {
    **JWT,
    "KL_MCP_DATA_DIR": "/data",
    "KL_MCP_TRANSPORT": "stdio",
    "KL_MCP_LISTEN_HOST": "::",
    "KL_MCP_LISTEN_PORT": "80",
    "KL_MCP_ALLOWED_HOSTS": "a.example",
    "KL_MCP_ALLOWED_ORIGINS": "https://a.example",
    "KL_MCP_SYSTEM_NAMESPACE_PREFIXES": "sys-",
    "KL_SHARE_NAMESPACES": "infra*",
    "KL_SHARE_IDLE": "true",
    "KL_COST_MULTIPLIER": "1.15",
    "KL_MCP_TOKENS_FILE": "/tokens",
    "KL_MCP_AUDIT_LOG": "-",
    "KL_MCP_HISTORY_CACHE_BYTES": "4096",
    "KL_MCP_MAX_REQUESTS": "7",
    "KL_MCP_MAX_REQUEST_BYTES": "2048",
    "KL_MCP_CLIENT_TIMEOUT": "7",
    "KL_MCP_TLS_CERT_FILE": "/c",
    "KL_MCP_TLS_KEY_FILE": "/k",
    "KL_MCP_METRICS_PORT": "9090",
    "KL_MCP_JWT_AUDIENCE": "kubeledger",
    "KL_MCP_JWT_REQUIRED_SCOPES": "read",
    "KL_MCP_JWT_NAMESPACES_CLAIM": "namespaces",
    "KL_MCP_LOG_LEVEL": "debug",
}
SAMPLES = COLLECTOR_SAMPLES | SERVER_SAMPLES
GROUPS = (
    ("KL_K8S_AUTH_CLIENT_CERT", "KL_K8S_AUTH_CLIENT_CERT_KEY"),
    ("KL_K8S_AUTH_USERNAME", "KL_K8S_AUTH_PASSWORD"),
    ("KL_MCP_TLS_CERT_FILE", "KL_MCP_TLS_KEY_FILE"),
    (*JWT, "KL_MCP_JWT_AUDIENCE", "KL_MCP_JWT_REQUIRED_SCOPES", "KL_MCP_JWT_NAMESPACES_CLAIM"),
)


def partners(name: str) -> dict[str, str]:
    """What has to be set along with `name`."""
    needed = next((group for group in GROUPS if name in group), ())
    return {each: SAMPLES[each] for each in needed if each != name}


def test_the_names_that_every_program_knows_are_those_the_programs_declare() -> None:
    declared = [name for each in PROGRAMS.values() for setting in each.settings for name in _spellings(setting)]
    assert len(set(declared)) == len(declared)
    assert set(declared) == SETTING_NAMES


def _spellings(setting: Setting) -> tuple[str, ...]:
    return (setting.name, *setting.aliases)


@pytest.mark.parametrize(("program", "setting"), EACH_SETTING)
def test_white_space_around_a_value_does_not_count(program: Program, setting: Setting) -> None:
    name, others = setting.name, partners(setting.name)
    settings = program.load({**others, name: f" \t{SAMPLES[name]}\n"})
    assert settings == program.load({**others, name: SAMPLES[name]})
    assert getattr(settings, setting.field) != getattr(program.load({}), setting.field)
    assert settings.explicit == {each.field for each in program.settings if each.name in {name, *others}}
    assert settings.notices == ()


@pytest.mark.parametrize(("program", "setting"), EACH_SETTING)
def test_an_empty_value_is_unset_but_where_it_may_be_empty(program: Program, setting: Setting) -> None:
    settings = program.load({setting.name: " \n", f"{setting.name}S": ""})
    assert (setting.field in settings.explicit) is setting.may_be_empty
    assert (settings == program.load({})) is not setting.may_be_empty


@pytest.mark.parametrize(("program", "setting"), EACH_SETTING)
def test_every_name_is_accepted_with_the_old_prefix_and_a_notice(program: Program, setting: Setting) -> None:
    name, others = setting.name, partners(setting.name)
    old = name.replace("KL_", "KOA_", 1)
    settings = program.load({**others, old: SAMPLES[name]})
    assert settings.notices == (f"{old} is deprecated and still read: rename it to {name}.",)
    assert getattr(settings, setting.field) == getattr(program.load({**others, name: SAMPLES[name]}), setting.field)
    assert setting.field in settings.explicit


@pytest.mark.parametrize(("program", "setting"), EACH_SETTING)
def test_the_new_name_wins_over_the_old_one_and_says_so(program: Program, setting: Setting) -> None:
    name, others = setting.name, partners(setting.name)
    old = name.replace("KL_", "KOA_", 1)
    settings = program.load({**others, old: "another", name: SAMPLES[name]})
    assert getattr(settings, setting.field) == getattr(program.load({**others, name: SAMPLES[name]}), setting.field)
    assert settings.notices == (f"{old} is deprecated and ignored, because {name} is set: rename it to {name}.",)


def test_a_flag_wins_over_both_names() -> None:
    settings = server.load({"KOA_MCP_LISTEN_PORT": "1", "KL_MCP_LISTEN_PORT": "2"}, ["--port", " 3 "])
    assert settings.port == 3
    assert settings.notices == (
        "KOA_MCP_LISTEN_PORT is deprecated and ignored, because --port is set: rename it to KL_MCP_LISTEN_PORT.",
    )


def test_an_empty_flag_is_unset() -> None:
    assert server.load({"KL_MCP_LISTEN_PORT": "2"}, ["--port", ""]).port == 2


def test_the_collectors_directory_is_used_under_its_old_name_unless_the_server_has_its_own() -> None:
    settings = server.load({"KOA_DATA_DIR": "/old"}, [])
    assert settings.data_dir == Path("/old")
    assert settings.notices == ("KOA_DATA_DIR is deprecated and still read: rename it to KL_DATA_DIR.",)
    own = server.load({"KOA_DATA_DIR": "/old", "KL_MCP_DATA_DIR": "/own"}, [])
    assert (own.data_dir, own.notices) == (Path("/own"), ())


@pytest.mark.parametrize("prefix", ["KL_", "KOA_"])
def test_two_spellings_that_differ_are_refused(prefix: str) -> None:
    names = [f"{prefix}BILLING_HOURLY_RATE", f"{prefix}HOURLY_BILLING_RATE"]
    with pytest.raises(SettingsError, match=r"two spellings of one setting and differ\. Keep KL_BILLING_HOURLY_RATE"):
        collector.load({names[0]: "4", names[1]: "5"})
    assert collector.load({names[0]: "4", names[1]: " 4 "}).billing_hourly_rate == 4


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("KL_DATA_DIRS", "KL_DATA_DIR"),
        ("KL_DATADIR", "KL_DATA_DIR"),
        ("KL_DTAA_DIR", "KL_DATA_DIR"),
        ("KL_DATA_DIRXY", "KL_DATA_DIR"),
        ("KL_data_dir", "KL_DATA_DIR"),
        ("kl_data_dir", "KL_DATA_DIR"),
        ("KOA_DATA_DIRS", "KL_DATA_DIR"),
        ("KOA_MCP_DATA_DIRS", "KL_MCP_DATA_DIR"),
        ("KL_MCP_LISTENPORT", "KL_MCP_LISTEN_PORT"),
        ("KL_K8S_AUTH_TOKENS", "KL_K8S_AUTH_TOKEN"),
        ("KL_HOURLY_BILING_RATE", "KL_HOURLY_BILLING_RATE"),
    ],
)
def test_a_near_miss_of_either_programs_name_is_refused_with_that_name(program: Program, name: str, meant: str) -> None:
    with pytest.raises(SettingsError) as caught:
        program.load({name: "hunter2"})
    assert str(caught.value) == f"{name} is no setting of KubeLedger. Did you mean {meant}? Correct it or unset it."


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_unknown_names_are_ignored_with_one_notice_of_them_all(program: Program) -> None:
    unknown = {"KL_DATA_DIRXYZ": "hunter2", "KOA_COLOUR": "1", "KL_": "1", "KLX": "1", "MY_KL_DATA_DIRS": "1"}
    assert program.load(unknown).notices == (
        "KubeLedger has no such setting and ignores it: KL_, KL_DATA_DIRXYZ, KOA_COLOUR.",
    )


@pytest.mark.parametrize(
    ("program", "others"), [(COLLECTOR, SERVER_SAMPLES), (SERVER, COLLECTOR_SAMPLES)], ids=["collector", "server"]
)
def test_the_names_of_the_other_program_are_no_mistake(program: Program, others: dict[str, str]) -> None:
    old = {name.replace("KL_", "KOA_", 1): text for name, text in others.items()}
    own_directory = {"KL_MCP_DATA_DIR": "/data", "KL_DATA_DIR": "/data"}
    assert program.load({**others, **old, **own_directory}) == program.load(own_directory)


def variables_of(service: str) -> dict[str, str]:
    """What the kubelet tells containers about a Service with one named port, which is 5484."""
    name = service.upper().replace("-", "_")
    port = f"{name}_PORT_5484_TCP"
    return {
        f"{name}_SERVICE_HOST": "10.96.0.7",
        f"{name}_SERVICE_PORT": "5484",
        f"{name}_SERVICE_PORT_MCP": "5484",
        f"{name}_PORT": "tcp://10.96.0.7:5484",
        port: "tcp://10.96.0.7:5484",
        f"{port}_PROTO": "tcp",
        f"{port}_PORT": "5484",
        f"{port}_ADDR": "10.96.0.7",
    }


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
@pytest.mark.parametrize("service", ["kl", "kl-mcp", "koa-mcp", "kubeledger", "kl-mcp-listen", "kl-mcp-metrics"])
def test_what_kubernetes_tells_about_services_is_ignored(program: Program, service: str) -> None:
    """The last two have a setting's name with an address in it, and `kl-mcp-listens` a near miss of one."""
    variables = variables_of(service) | variables_of(f"{service}s")
    assert program.load(variables) == program.load({})


def test_a_port_that_is_set_counts_beside_a_service_whose_variable_has_its_name() -> None:
    assert server.load({**variables_of("kl-mcp-listen"), "KL_MCP_LISTEN_PORT": "80"}, []).port == 80


def test_an_address_in_a_setting_of_a_port_is_refused_where_no_service_explains_it() -> None:
    with pytest.raises(SettingsError, match=r"KL_MCP_LISTEN_PORT='tcp://10\.96\.0\.7:80' cannot be used"):
        server.load({"KL_MCP_LISTEN_PORT": "tcp://10.96.0.7:80"}, [])


@pytest.mark.parametrize(("program", "setting"), [each for each in EACH_SETTING if each.values[1].secret])  # type: ignore[union-attr]
def test_a_secret_is_in_no_message_and_no_repr(program: Program, setting: Setting) -> None:
    name, others = setting.name, {**partners(setting.name), **JWT}
    with pytest.raises(SettingsError) as caught:
        program.load({**others, name: "https://ada:hunter2@\0host"})
    assert name in str(caught.value)
    assert "hunter2" not in str(caught.value)
    settings = program.load({**others, name: SAMPLES[name]})
    assert repr(SAMPLES[name]) not in repr(settings)


@pytest.mark.parametrize("name", ["KL_INCLUDED_NAMESPACES", "KL_EXCLUDED_NAMESPACES", "KL_SHARE_NAMESPACES"])
def test_globs_are_the_same_in_every_setting(name: str) -> None:
    (program,) = (each for each in PROGRAMS.values() if name in {setting.name for setting in each.settings})
    (field,) = (setting.field for setting in program.settings if setting.name == name)
    for count, width in ((25, 10), (1, 256)):
        globs = [f"{number:0{width}}" for number in range(count)]
        assert getattr(program.load({name: " , ".join([*globs, globs[0], ""])}), field) == tuple(globs)
    longest = ("a" * 99 + ",") * (MAX_GLOBS_CHARS // 100)
    assert len(getattr(program.load({name: longest}), field)) == 1
    for refused in ("!a", "[^a]", "{a,b}", "a b", "a\tb", "a/b", "a\\b", "x" * 257, longest + "a"):
        with pytest.raises(SettingsError, match=f"{name}=.* it must be names or globs of namespaces"):
            program.load({name: refused})


@pytest.mark.parametrize(
    ("one", "other", "edits"),
    [
        ("", "", 0),
        ("", "abc", 3),
        ("abc", "abc", 0),
        ("abc", "axc", 1),
        ("abc", "abxc", 1),
        ("abc", "ac", 1),
        ("abc", "acb", 1),
        ("ab", "ba", 1),
        ("abcd", "badc", 2),
        # Two edits in one place: the swap may not be broken up by an insertion.
        ("ca", "abc", 3),
        ("kitten", "sitting", 3),
    ],
)
def test_the_distance_of_names_counts_insertions_omissions_changes_and_swaps(one: str, other: str, edits: int) -> None:
    assert edit_distance(one, other) == edit_distance(other, one) == edits


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_a_near_miss_ends_the_command_with_one_line_and_exit_code_2(program: Program) -> None:
    ended = program.run(KL_DATA_DIRS="/data")
    assert (ended.returncode, ended.stdout) == (2, "")
    (line,) = ended.stderr.splitlines()
    assert line.endswith(
        ": KL_DATA_DIRS is no setting of KubeLedger. Did you mean KL_DATA_DIR? Correct it or unset it."
    )


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_the_command_logs_what_it_ignores_once(program: Program, tmp_path: Path) -> None:
    ended = program.run(
        KL_DATA_DIR=str(tmp_path),
        KL_DB_LOCATION=str(tmp_path),
        KL_COLOUR="red",
        KOA_SHADE="dark",
        KOA_MCP_DATA_DIR=str(tmp_path),
        **variables_of("kl-mcp"),
    )
    noticed = [line for line in ended.stderr.splitlines() if "ignores it" in line]
    assert len(noticed) == 1
    assert " WARNING " in noticed[0]
    assert noticed[0].endswith("KubeLedger has no such setting and ignores it: KL_COLOUR, KOA_SHADE.")
    assert "SERVICE" not in ended.stderr
    assert ("KOA_MCP_DATA_DIR is deprecated" in ended.stderr) is (program is SERVER)


@pytest.mark.parametrize("package", ["kl_core", "kl_query", "kl_mcp", "collector"])
def test_one_module_reads_the_environment(package: str) -> None:
    found = {
        str(path.relative_to(ROOT))
        for path in (ROOT / package).rglob("*.py")
        if re.search(
            r"\bos\.(environb?|getenvb?)\b|from os import .*(environ|getenv)", path.read_text(encoding="utf-8")
        )
    }
    assert found == ({"kl_core/settings.py"} if package == "kl_core" else set())
