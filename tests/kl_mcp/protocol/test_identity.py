"""What the server says it is, and to whom it shows its icons."""

from __future__ import annotations

import base64
import struct
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from mcp_types import SERVER_INFO_META_KEY

from kl_mcp.protocol import identity
from tests.support.handshake import initialize_params
from tests.support.published import publish
from tests.support.small_tools import SMALL_TABLE
from tests.support.wire import exchange

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def introduction(directory: Path, version: str) -> Any:
    """`serverInfo` as a client of that version gets it."""
    if version == "2026-07-28":
        return exchange(directory, "server/discover", {}, version)["result"]["_meta"][SERVER_INFO_META_KEY]
    return exchange(directory, "initialize", initialize_params(version), "legacy")["result"]["serverInfo"]


@pytest.mark.parametrize("version", ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"])
def test_whoever_asks_who_it_is_gets_the_icons(tmp_path: Path, version: str) -> None:
    """Eras before 2025-11-25 do not know them, and let a client pass over what it does not know."""
    info = introduction(tmp_path, version)
    assert (info["name"], info["websiteUrl"]) == ("kubeledger", identity.WEBSITE)
    assert info["icons"] == [icon.model_dump(by_alias=True, exclude_none=True) for icon in identity.icons()]


@pytest.mark.parametrize(
    ("method", "params"), [("tools/list", {}), ("tools/call", {"name": next(iter(SMALL_TABLE)), "arguments": {}})]
)
def test_other_results_are_signed_without_icons(tmp_path: Path, method: str, params: dict[str, Any]) -> None:
    publish(tmp_path)
    signature = exchange(tmp_path, method, params, "2026-07-28")["result"]["_meta"][SERVER_INFO_META_KEY]
    assert signature["name"] == "kubeledger"
    assert "icons" not in signature


def test_the_icons_are_a_png_of_the_size_it_names_and_an_svg_without_scripts() -> None:
    png, svg = identity.icons()
    prefix, _, content = png.src.partition(",")
    image = base64.b64decode(content)
    assert prefix == "data:image/png;base64"
    assert image.startswith(PNG_SIGNATURE)
    assert ["{}x{}".format(*struct.unpack(">II", image[16:24]))] == png.sizes
    prefix, _, content = svg.src.partition(",")
    tree = ET.fromstring(base64.b64decode(content))
    assert prefix == "data:image/svg+xml;base64"
    assert {each.tag.partition("}")[2] for each in tree.iter()} == {"svg", "rect", "path", "g"}
