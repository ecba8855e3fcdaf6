"""What `backend.json` says: the cost model of an installation, and its currency."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import orjson

from kl_core import vocabulary
from kl_core.regular_files import UnfitFileError, read_regular
from kl_core.vocabulary import CostModel
from kl_query.dataset.fields import MalformedError
from kl_query.dataset.legacy.files import named, unreadable
from kl_query.warnings.warning import Detail, Plain

LARGEST_BYTES = 1_000_000
COST_MODELS: dict[str, CostModel] = {
    **{model: model for model in vocabulary.COST_MODELS.values()},
    **vocabulary.COST_MODELS,
}
"""By every name this layout has for them."""


@dataclass(frozen=True, slots=True)
class Backend:
    """`currency` is None where amounts are no money."""

    cost_model: CostModel
    currency: str | None


def read_backend(path: Path) -> Backend:
    """Return what the file says. Raises MalformedError where it cannot be used."""
    try:
        document = orjson.loads(read_regular(path, LARGEST_BYTES, inside=path.parent))
    except FileNotFoundError:
        raise MalformedError("{file} is missing", file=named(path)) from None
    except UnfitFileError as error:
        raise unreadable(path, error) from None
    except OSError as error:
        raise MalformedError(
            "{file} cannot be read ({reason}) by the user this server runs as",
            file=named(path),
            reason=Plain(str(error.strerror)),
        ) from None
    except orjson.JSONDecodeError:
        raise MalformedError("{file} is truncated or not JSON", file=named(path)) from None
    if not isinstance(document, dict):
        raise MalformedError("{file} is not an object", file=named(path))
    model = document.get("cost_model")
    if not isinstance(model, str) or model not in COST_MODELS:
        raise MalformedError(
            "cost_model of {file} is {value}",
            file=named(path),
            value=Detail(repr(str(model)[:40]), Plain("none that is known")),
        )
    currency = document.get("currency")
    return Backend(COST_MODELS[model], currency if isinstance(currency, str) and currency not in ("", "%") else None)
