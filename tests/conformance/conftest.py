"""What this suite shares with the tests of the clients."""

from __future__ import annotations

from tests.clients.fixtures import data_dir, packages

__all__ = ["data_dir", "packages"]
