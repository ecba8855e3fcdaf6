"""The files by which clients and registries install KubeLedger, made of the table in `release/product.py`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from kl_mcp.tools import TABLE
from release import product
from release.product import CHOICES, Choice

PLUGIN = f"plugins/{product.NAME}"
Json = Mapping[str, Any]


def registry(bundle_sha256: str = "") -> Json:
    """Return `server.json` for the registry of MCP servers; with the checksum of a built bundle, that one too."""
    bundle = {
        "registryType": "mcpb",
        "identifier": product.BUNDLE_URL,
        "version": product.VERSION,
        "fileSha256": bundle_sha256,
        "transport": {"type": "stdio"},
    }
    return {
        "$schema": "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json",
        "name": product.REGISTRY_NAME,
        "title": product.TITLE,
        "description": product.SUMMARY,
        "version": product.VERSION,
        "websiteUrl": product.WEBSITE,
        "repository": {"url": product.WEBSITE, "source": "github"},
        "packages": [_python_package(), _image(), *([bundle] if bundle_sha256 else [])],
    }


def _python_package() -> Json:
    return {
        "registryType": "pypi",
        "registryBaseUrl": "https://pypi.org",
        "identifier": product.PACKAGE,
        "version": product.VERSION,
        "runtimeHint": "uvx",
        "packageArguments": [_flag(*product.STDIO)],
        "transport": {"type": "stdio"},
        "environmentVariables": [_variable(choice) for choice in CHOICES],
    }


def _image() -> Json:
    """The image has the data directory at a place of its own, where that of the machine is mounted."""
    data_dir, *others = CHOICES
    mount = {
        "type": "named",
        "name": "--mount",
        "value": "type=bind,src={data_dir},dst=/var/lib/kubeledger/data,readonly",
        "variables": {"data_dir": {"description": data_dir.setting.help, "format": "filepath", "isRequired": True}},
    }
    return {
        "registryType": "oci",
        "identifier": f"{product.IMAGE}:{product.VERSION}",
        "runtimeHint": "docker",
        "runtimeArguments": [mount],
        "packageArguments": [{"type": "positional", "value": "kl-mcp"}, _flag(*product.STDIO)],
        "transport": {"type": "stdio"},
        "environmentVariables": [_variable(choice) for choice in others],
    }


def _flag(name: str, value: str) -> Json:
    return {"type": "named", "name": name, "value": value}


def _variable(choice: Choice) -> Json:
    default = {"default": choice.setting.default} if choice.setting.default else {}
    kind = "filepath" if choice.kind == "directory" else choice.kind
    return {"name": choice.setting.name, "description": choice.setting.help, "format": kind, **default}


def bundle() -> Json:
    """Return the manifest of the bundle that Claude Desktop installs; uv fetches the package when it first starts."""
    return {
        "manifest_version": "0.4",
        "name": product.NAME,
        "display_name": product.TITLE,
        "version": product.VERSION,
        "description": product.SUMMARY,
        "author": {"name": product.AUTHOR, "url": product.WEBSITE},
        "repository": {"type": "git", "url": f"{product.WEBSITE}.git"},
        "homepage": product.WEBSITE,
        "documentation": product.DOCUMENTATION,
        "support": product.ISSUES,
        "icon": "icon.png",
        "license": product.LICENSE,
        "keywords": list(product.KEYWORDS),
        "server": {
            "type": "uv",
            "entry_point": "server.py",
            "mcp_config": {
                "command": "uv",
                "args": ["run", "--directory", "${__dirname}", "server.py"],
                "env": {choice.setting.name: f"${{user_config.{choice.key}}}" for choice in CHOICES},
            },
        },
        "tools": [{"name": tool.name, "description": tool.title} for tool in TABLE.values()],
        "prompts_generated": True,
        # kl-mcp limits its open files by a module that Windows lacks.
        "compatibility": {"platforms": ["darwin", "linux"], "runtimes": {"python": product.PYTHON}},
        "user_config": {choice.key: _user_choice(choice) for choice in CHOICES},
    }


def _user_choice(choice: Choice) -> Json:
    default: Any = choice.setting.default.replace("~", "${HOME}")
    if choice.kind == "boolean":
        default = default == "true"
    elif choice.kind == "number":
        default = float(default)
    return {
        "type": choice.kind,
        "title": choice.title,
        "description": choice.setting.help,
        "required": choice.kind == "directory",
        "default": default,
    }


def bundle_project() -> str:
    """Return the pyproject.toml of the bundle: the published package of this version and nothing else."""
    return (
        f'[project]\nname = "{product.NAME}-bundle"\nversion = "{product.VERSION}"\n'
        f'requires-python = "{product.PYTHON}"\ndependencies = ["{product.PACKAGE}=={product.VERSION}"]\n'
    )


def _identity() -> dict[str, Any]:
    """What the manifests of plugins have in common."""
    return {
        "name": product.NAME,
        "version": product.VERSION,
        "description": product.SUMMARY,
        "author": {"name": product.AUTHOR, "url": product.WEBSITE},
        "homepage": product.WEBSITE,
        "repository": product.WEBSITE,
        "license": product.LICENSE,
        "keywords": list(product.KEYWORDS),
    }


def claude_plugin() -> Json:
    return {**_identity(), "icon": "./assets/icon.png", "privacyPolicyUrl": product.PRIVACY}


def codex_plugin() -> Json:
    return {
        **_identity(),
        "mcpServers": "./.mcp.json",
        "interface": {
            "displayName": product.TITLE,
            "shortDescription": product.SUMMARY,
            "developerName": product.AUTHOR,
            "category": "Productivity",
            "capabilities": ["Read"],
            "websiteURL": product.WEBSITE,
            "privacyPolicyURL": product.PRIVACY,
            "defaultPrompt": [product.PROMPT],
            "composerIcon": "./assets/icon.png",
            "logo": "./assets/icon.png",
        },
    }


def plugin_servers() -> Json:
    return {"mcpServers": {product.NAME: {"type": "http", "url": product.URL}}}


def claude_marketplace() -> Json:
    entry = {"name": product.NAME, "source": f"./{PLUGIN}", "description": product.SUMMARY}
    return {
        "name": product.NAME,
        "description": f"{product.TITLE} for Claude Code",
        "owner": {"name": product.AUTHOR, "url": product.WEBSITE},
        "plugins": [entry],
    }


def codex_marketplace() -> Json:
    entry = {
        "name": product.NAME,
        "source": {"source": "local", "path": f"./{PLUGIN}"},
        "policy": {"installation": "AVAILABLE", "authentication": "ON_INSTALL"},
        "category": "Productivity",
    }
    return {"name": product.NAME, "interface": {"displayName": product.TITLE}, "plugins": [entry]}


def gemini_extension() -> Json:
    return {
        "name": product.NAME,
        "version": product.VERSION,
        "description": product.SUMMARY,
        "mcpServers": {product.NAME: {"httpUrl": product.URL}},
    }


def as_text(document: Json) -> str:
    """Return a document as it is committed."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def manifests() -> dict[str, str]:
    """Return the text of each manifest by its path in the repository."""
    return {
        "server.json": as_text(registry()),
        "gemini-extension.json": as_text(gemini_extension()),
        "release/bundle/manifest.json": as_text(bundle()),
        "release/bundle/pyproject.toml": bundle_project(),
        ".claude-plugin/marketplace.json": as_text(claude_marketplace()),
        ".agents/plugins/marketplace.json": as_text(codex_marketplace()),
        f"{PLUGIN}/.claude-plugin/plugin.json": as_text(claude_plugin()),
        f"{PLUGIN}/.codex-plugin/plugin.json": as_text(codex_plugin()),
        f"{PLUGIN}/.mcp.json": as_text(plugin_servers()),
    }
