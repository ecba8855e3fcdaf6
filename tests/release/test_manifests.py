"""The committed manifests: what registries and clients demand, and that they fit the settings and the package."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from kl_mcp import __version__
from kl_mcp.settings import SETTINGS, load
from kl_mcp.tools import TABLE
from release import manifests, product

ROOT = Path(__file__).resolve().parents[2]
SERVER_SETTINGS = {setting.name: setting for setting in SETTINGS}
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
INPUT_MEMBERS = {"name", "description", "format", "default", "isRequired", "value", "variables", "type"}


def committed(name: str) -> Any:
    return json.loads((ROOT / name).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def registry() -> dict[str, Any]:
    document: dict[str, Any] = committed("server.json")
    return document


def packages(registry: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {package["registryType"]: package for package in registry["packages"]}


def inputs(package: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every argument, variable of an argument, and environment variable of a package."""
    for name in ("runtimeArguments", "packageArguments", "environmentVariables"):
        for each in package.get(name, []):
            yield each
            yield from each.get("variables", {}).values()


def test_the_manifest_of_the_registry_has_what_its_schema_demands(registry: dict[str, Any]) -> None:
    """https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json, which may not be copied here."""
    assert registry["$schema"] == "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"
    assert re.fullmatch(r"[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+", registry["name"])
    assert 3 <= len(registry["name"]) <= 200
    assert 1 <= len(registry["description"]) <= 100
    assert 1 <= len(registry["title"]) <= 100
    assert registry["version"] == __version__
    assert set(registry["repository"]) == {"url", "source"}
    for url in (registry["websiteUrl"], registry["repository"]["url"]):
        assert urlsplit(url).scheme == "https"


def test_the_packages_of_the_registry_have_what_its_schema_demands(registry: dict[str, Any]) -> None:
    assert list(packages(registry)) == ["pypi", "oci"]
    for package in packages(registry).values():
        assert package["transport"] == {"type": "stdio"}
        assert package["identifier"]
        assert "runtimeHint" in package or "runtimeArguments" not in package
        for each in inputs(package):
            assert set(each) <= INPUT_MEMBERS
            assert each.get("format", "string") in {"string", "number", "boolean", "filepath"}
            assert all(isinstance(each[name], str) for name in ("default", "value", "description") if name in each)
        for argument in [*package.get("runtimeArguments", []), *package["packageArguments"]]:
            assert argument["type"] in {"named", "positional"}
            assert "name" in argument if argument["type"] == "named" else "value" in argument
            assert set(re.findall(r"\{(\w+)\}", argument["value"])) == set(argument.get("variables", {}))


def test_the_package_and_the_image_prove_that_they_are_the_registrys(registry: dict[str, Any]) -> None:
    assert re.search(rf"^<!-- mcp-name: {re.escape(registry['name'])} -->$", README, re.MULTILINE)
    labels = re.findall(r'io\.modelcontextprotocol\.server\.name="([^"]+)"', (ROOT / "Dockerfile").read_text())
    assert labels == [registry["name"]]


def test_what_the_registry_installs_is_what_is_published(registry: dict[str, Any]) -> None:
    pypi, oci = packages(registry)["pypi"], packages(registry)["oci"]
    assert (pypi["identifier"], pypi["version"]) == (PROJECT["name"], __version__)
    assert PROJECT["scripts"][pypi["identifier"]] == PROJECT["scripts"]["kl-mcp"]
    image = yaml.safe_load((ROOT / "helm" / "kubeledger" / "values.yaml").read_text())["image"]
    repository = f"{image.get('registry') or 'docker.io'}/{image['repository']}"
    assert oci["identifier"] == f"{repository}:{image['tag'] or __version__}"
    mounted = re.findall(r"dst=([^,]+)", oci["runtimeArguments"][0]["value"])
    assert f"KL_DATA_DIR={mounted[0]}" in (ROOT / "Dockerfile").read_text()


@pytest.mark.parametrize("kind", ["pypi", "oci"])
def test_what_the_registry_asks_for_are_settings_with_their_defaults(registry: dict[str, Any], kind: str) -> None:
    for variable in packages(registry)[kind]["environmentVariables"]:
        setting = SERVER_SETTINGS[variable["name"]]
        assert (variable["description"], variable.get("default", "")) == (setting.help, setting.default)


@pytest.mark.parametrize("kind", ["pypi", "oci"])
def test_the_arguments_and_defaults_of_the_registry_start_a_server_over_stdio(
    registry: dict[str, Any], kind: str
) -> None:
    package = packages(registry)[kind]
    words = [word for each in package["packageArguments"] for word in (each.get("name"), each["value"]) if word]
    if kind == "oci":
        assert words.pop(0) == "kl-mcp"
    environ = {each["name"]: each.get("default", "") for each in package["environmentVariables"]}
    assert load(environ, words).transport == "stdio"


def test_the_bundle_asks_for_settings_and_starts_with_their_defaults() -> None:
    manifest = committed("release/bundle/manifest.json")
    environ = manifest["server"]["mcp_config"]["env"]
    keys = {name: re.fullmatch(r"\$\{user_config\.(\w+)\}", value) for name, value in environ.items()}
    asked = {name: manifest["user_config"][match[1]] for name, match in keys.items() if match}
    assert set(asked) == set(environ)
    assert len(manifest["user_config"]) == len(asked)
    assert {each["description"] for each in asked.values()} == {SERVER_SETTINGS[name].help for name in asked}
    # As the client writes what was not changed.
    written = {name: str(each["default"]).replace("${HOME}", "~") for name, each in asked.items()}
    loaded = load(written | {"KL_SHARE_IDLE": written["KL_SHARE_IDLE"].lower()}, [])
    assert replace(loaded, explicit=frozenset()) == load({}, [])


def test_the_bundle_lists_the_tools_and_runs_the_published_package() -> None:
    manifest = committed("release/bundle/manifest.json")
    assert [tool["name"] for tool in manifest["tools"]] == list(TABLE)
    project = tomllib.loads((ROOT / "release" / "bundle" / "pyproject.toml").read_text())["project"]
    assert project["dependencies"] == [f"{PROJECT['name']}=={__version__}"]
    assert project["requires-python"] == PROJECT["requires-python"]
    assert manifest["compatibility"]["runtimes"]["python"] == PROJECT["requires-python"]


def test_plugins_and_extension_expect_the_server_where_it_listens_by_default() -> None:
    defaults = load({}, [])
    url = f"http://{defaults.host}:{defaults.port}/mcp"
    assert committed(f"{manifests.PLUGIN}/.mcp.json")["mcpServers"] == {"kubeledger": {"type": "http", "url": url}}
    assert committed("gemini-extension.json")["mcpServers"] == {"kubeledger": {"httpUrl": url}}


def test_marketplaces_and_plugins_speak_of_one_plugin_of_this_version() -> None:
    (claude,) = committed(".claude-plugin/marketplace.json")["plugins"]
    (codex,) = committed(".agents/plugins/marketplace.json")["plugins"]
    assert claude["source"] == codex["source"]["path"]
    folder = ROOT / claude["source"]
    for plugin in (folder / ".claude-plugin" / "plugin.json", folder / ".codex-plugin" / "plugin.json"):
        document = json.loads(plugin.read_text())
        assert (document["name"], document["version"]) == (claude["name"], __version__) == (codex["name"], __version__)
    assert (folder / committed(f"{manifests.PLUGIN}/.claude-plugin/plugin.json")["icon"]).is_file()


def test_the_readme_names_what_is_published_as_the_table_does() -> None:
    assert f"{product.CHARTS}/{product.NAME} " in README
    repository = product.WEBSITE.removeprefix("https://github.com/")
    assert f"--marketplace {repository}`" in README
    assert f"codex plugin marketplace add {repository}`" in README
    assert f"gemini extensions install {product.WEBSITE}`" in README
    assert f"`uvx {product.PACKAGE}`" in README
    assert f"`pipx install {product.PACKAGE}`" in README
