"""Why a request is not let in.

RefusedError
├── MissingTokenError        401  there is no token to look at
├── InvalidTokenError        401  the token is not one that is accepted here
├── InsufficientScopeError   403  it is, and does not grant what is needed
└── KeysUnknownError         503  whether it is cannot be told now
"""

from kl_core.errors import KubeLedgerError


class RefusedError(KubeLedgerError):
    """A request is not let in. The message is for its sender and for the log, and quotes nothing of the token."""

    status = 401
    code = "invalid_token"


class MissingTokenError(RefusedError):
    """No token, several, or one under another scheme."""

    code = "missing_token"


class InvalidTokenError(RefusedError):
    """A token that is unknown, has expired, or was not made for this server."""


class InsufficientScopeError(RefusedError):
    """A token that is valid and lacks a scope."""

    status = 403
    code = "insufficient_scope"


class KeysUnknownError(RefusedError):
    """The keys that would tell have not been read yet, or not for too long."""

    status = 503
    code = "temporarily_unavailable"
