"""What KubeLedger is called where it is published: the one table that all manifests are made of."""

from __future__ import annotations

from dataclasses import dataclass

from kl_core.settings import Setting
from kl_mcp import __version__
from kl_mcp.protocol import identity
from kl_mcp.settings import SETTINGS

NAME = identity.NAME
TITLE = identity.TITLE
WEBSITE = identity.WEBSITE
VERSION = __version__
TAG = f"v{VERSION}"
AUTHOR = "The KubeLedger authors"
SUMMARY = "What a Kubernetes cluster's capacity went to and what it cost, per namespace, hour by hour"
LICENSE = "Apache-2.0"
KEYWORDS = ("kubernetes", "finops", "mcp", "cost", "capacity", "showback")
PYTHON = ">=3.11"

PACKAGE = NAME
"""On PyPI; also the name of its command that serves."""
REGISTRY_NAME = f"io.github.kubeledger/{NAME}"
"""In the registry of MCP servers, which finds it in the README of the package and in a label of the image."""
IMAGE = f"docker.io/kubeledger/{NAME}"
CHARTS = "oci://ghcr.io/kubeledger/charts"
BUNDLE = f"{NAME}-{VERSION}.mcpb"
BUNDLE_URL = f"{WEBSITE}/releases/download/{TAG}/{BUNDLE}"
DOCUMENTATION = f"{WEBSITE}#readme"
ISSUES = f"{WEBSITE}/issues"
CHANGELOG = f"{WEBSITE}/blob/main/CHANGELOG.md"
PRIVACY = f"{WEBSITE}/blob/main/SECURITY.md"
PROMPT = "Which ten namespaces used the most CPU over the past 14 days, and what did that cost?"

_BY_NAME = {setting.name: setting for setting in SETTINGS}
URL = f"http://{_BY_NAME['KL_MCP_LISTEN_HOST'].default}:{_BY_NAME['KL_MCP_LISTEN_PORT'].default}/mcp"
"""Where a server is that was started without settings: the demo, or one in a cluster behind a port-forward."""
STDIO = ("--transport", "stdio")


@dataclass(frozen=True, slots=True)
class Choice:
    """A setting that people are asked for where a client starts the server itself."""

    key: str
    title: str
    kind: str
    """`directory`, `string`, `boolean` or `number`."""
    setting: Setting


CHOICES = tuple(
    Choice(key, title, kind, _BY_NAME[name])
    for key, title, kind, name in (
        ("data_dir", "Data directory", "directory", "KL_MCP_DATA_DIR"),
        ("system_namespaces", "Prefixes of system namespaces", "string", "KL_MCP_SYSTEM_NAMESPACE_PREFIXES"),
        ("share_namespaces", "Shared namespaces", "string", "KL_SHARE_NAMESPACES"),
        ("share_idle", "Share the cost of idle capacity", "boolean", "KL_SHARE_IDLE"),
        ("cost_multiplier", "Cost multiplier", "number", "KL_COST_MULTIPLIER"),
    )
)
