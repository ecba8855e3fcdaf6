"""Errors that a program explains to its operator in one line, and that no package has to itself."""

from __future__ import annotations


class KubeLedgerError(Exception):
    """Base of the errors that KubeLedger raises itself."""


class SettingsError(KubeLedgerError):
    """A setting that cannot be used. The message names it, its value, what is allowed and what to do; no secret."""
