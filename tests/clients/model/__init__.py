"""A model on loopback that makes the calls of a script, in the APIs that the clients speak."""

from __future__ import annotations

from tests.clients.model import anthropic, chat, gemini, responses
from tests.clients.model.turns import Api

APIS: dict[str, Api] = {
    "/messages": anthropic,
    ":streamGenerateContent": gemini,
    "/responses": responses,
    "/chat/completions": chat,
}
"""By the end of the path of its requests."""
