"""The dataset that is held, as each caller may see it.

Questions about it are worked out where they are asked, on the event loop: none takes longer than a few other requests.
"""

from kl_mcp.access.callers import Caller, Views
from kl_query.dataset import Dataset
from kl_query.dataset.watcher import Holder


class Datasets:
    """The datasets of a server."""

    def __init__(self, holder: Holder) -> None:
        self._holder = holder
        self._views = Views()

    async def seen_by(self, caller: Caller) -> Dataset:
        """Return what `caller` may see of the dataset that is held now."""
        return self._views.of(await self._holder.dataset(), caller)
