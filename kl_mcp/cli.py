"""The `kl-mcp` command."""

import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from kl_core import logs
from kl_core.errors import KubeLedgerError, SettingsError
from kl_mcp import settings
from kl_mcp.protocol.standard_error import UnblockedStandardError
from kl_mcp.settings import Settings

logger = logging.getLogger(__name__)

DEFAULT_LOG_LEVELS = {"http": "info", "stdio": "warning"}
"""Clients that start the server show its standard error to their users, or keep it unread."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the server. Returns the exit code: 0 when stopped, 1 when it cannot listen, 2 for unusable settings."""
    parent = os.getppid()
    try:
        chosen = settings.load(argv=argv)
        if chosen.transport == "stdio":
            sys.stderr = UnblockedStandardError()
        logs.set_up(chosen.log_level or DEFAULT_LOG_LEVELS[chosen.transport])
        for notice in chosen.notices:
            logger.warning("%s", notice)
        _serve(chosen, parent)
    except KubeLedgerError as error:
        print(f"kl-mcp: {error}", file=sys.stderr)
        return 2 if isinstance(error, SettingsError) else 1
    return 0


def _serve(chosen: Settings, parent: int) -> None:
    # Importing the protocol and the tools takes a second, which `--help` and a mistyped flag need not wait for.
    from kl_mcp.access.audit_log import Audit
    from kl_mcp.counts import Counts
    from kl_mcp.protocol.server import build_server
    from kl_mcp.transport.capacity import raised_limit, room_within
    from kl_query.dataset import Dataset, load_dataset
    from kl_query.dataset.history import HistoryCache
    from kl_query.dataset.model import Sharing
    from kl_query.dataset.watcher import Holder
    from kl_query.measures.sharing import shared_by

    counts, cache = Counts(), HistoryCache(chosen.history_cache_bytes)
    sharing = Sharing(chosen.share_namespaces, chosen.share_idle, chosen.cost_multiplier)

    def load(directory: Path) -> Dataset:
        prefixes = chosen.system_namespace_prefixes
        return shared_by(load_dataset(directory, system_prefixes=prefixes, cache=cache), sharing)

    holder = Holder(chosen.data_dir, counts, load=load)
    room = room_within(raised_limit(), chosen.max_requests)
    served = build_server(holder, counts, audit=Audit(chosen.audit_log), max_subscriptions=room.subscriptions)
    if chosen.transport == "stdio":
        from kl_mcp.protocol import stdio

        seen = "whoever starts this process sees everything"
        for setting, is_set, why in (
            ("KL_MCP_TOKENS_FILE", chosen.tokens_file is not None, seen),
            ("KL_MCP_JWT_JWKS", bool(chosen.jwt_jwks), seen),
            ("KL_MCP_TLS_CERT_FILE", chosen.tls_cert_file is not None, "nothing is sent over a network"),
            ("KL_MCP_METRICS_PORT", chosen.metrics_port is not None, "metrics are served over HTTP only"),
        ):
            if is_set:
                logger.warning("%s has no meaning over stdio: %s.", setting, why)
        stdio.serve(served, holder, parent)
    else:
        from kl_mcp.transport import app

        app.serve(chosen, served, holder, counts, room)
