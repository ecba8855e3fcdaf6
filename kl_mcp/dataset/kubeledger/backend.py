"""What `backend.json` says: the cost model of an installation, and its currency."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import orjson

from kl_mcp.dataset.fields import MalformedError, mapping
from kl_mcp.dataset.model import CostModel
from kl_mcp.regular_files import UnfitFileError, read_regular

LARGEST_BYTES = 1_000_000
COST_MODELS: dict[str, CostModel] = {
    "cumulative": "cumulative",
    "normalized": "normalized",
    "costs": "costs",
    "CUMULATIVE_RATIO": "cumulative",
    "RATIO": "normalized",
    "CHARGE_BACK": "costs",
}


@dataclass(frozen=True, slots=True)
class Backend:
    """`currency` is None where amounts are no money."""

    cost_model: CostModel
    currency: str | None


def read_backend(path: Path) -> Backend:
    """Return what the file says. Raises MalformedError where it cannot be used."""
    try:
        document = mapping(orjson.loads(read_regular(path, LARGEST_BYTES, inside=path.parent)), path.name)
    except FileNotFoundError:
        raise MalformedError(f"{path.name} is missing") from None
    except UnfitFileError as error:
        raise MalformedError(f"{path.name} cannot be read ({error.strerror})") from None
    except OSError as error:
        raise MalformedError(f"{path.name} cannot be read ({error.strerror}) by the user this server runs as") from None
    except orjson.JSONDecodeError:
        raise MalformedError(f"{path.name} is truncated or not JSON") from None
    model = document.get("cost_model")
    if not isinstance(model, str) or model not in COST_MODELS:
        raise MalformedError(f"cost_model of {path.name} is {str(model)[:40]!r}")
    currency = document.get("currency")
    return Backend(COST_MODELS[model], currency if isinstance(currency, str) and currency not in ("", "%") else None)
