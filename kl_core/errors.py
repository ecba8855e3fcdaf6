"""Errors that a program explains to its operator in one line, and that no package has to itself.

KubeLedgerError
├── SettingsError    a setting cannot be used
├── collector.errors: of a source, the store, a publication, an import
├── kl_query.errors: of the published dataset, of an argument
└── kl_mcp: a request that is not let in (access.refusals), an address that cannot be listened at (transport.sockets)
"""


class KubeLedgerError(Exception):
    """Base of the errors that KubeLedger raises itself."""


class SettingsError(KubeLedgerError):
    """A setting that cannot be used. The message names it, its value, what is allowed and what to do; no secret."""
