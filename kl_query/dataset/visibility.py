"""What a caller may see of a dataset: a dataset again, in which the names of all other namespaces do not occur.

Their rows stay, under numbers instead of names, so that every total, share and count is that of the whole cluster.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import TypeVar

from fnmatch2 import fnmatchcase2

from kl_query.dataset.history import Former, History
from kl_query.dataset.model import Dataset, Scale, Sharing
from kl_query.dataset.table import Table
from kl_query.warnings.warning import RowId, Withheld, withheld

Ids = Mapping[RowId, Withheld]
"""What each withheld namespace goes by."""
V = TypeVar("V")


def restricted(dataset: Dataset, visible: Callable[[str], bool]) -> Dataset:
    """Return the same data naming only the namespaces for which `visible` is true; totals do not change."""
    unnamed = [name for name in dataset.namespaces if not visible(name)]
    ids: Ids = {name: Withheld(i) for i, name in enumerate(unnamed, start=len(dataset.withheld))}
    named = {name: record for name, record in dataset.namespaces.items() if name not in ids}
    return replace(
        dataset,
        namespaces=named,
        withheld=(*dataset.withheld, *(dataset.namespaces[name].first_seen for name in unnamed)),
        scales={name: _scale(scale, ids) for name, scale in dataset.scales.items()},
        history=None
        if dataset.history is None
        else dataset.history.seen_as(_past(dataset, dataset.history, ids, visible)),
        unmeasured=None if dataset.unmeasured is None else {n: v for n, v in dataset.unmeasured.items() if n in named},
        blind_spots=None
        if dataset.blind_spots is None
        else tuple(replace(spot, said=withheld(spot.said, visible)) for spot in dataset.blind_spots),
        warnings=tuple(withheld(warning, visible) for warning in dataset.warnings),
        sharing=_sharing(dataset.sharing, named),
        shared=frozenset(ids.get(row, row) for row in dataset.shared),
    )


def restricted_to(dataset: Dataset, globs: Collection[str]) -> Dataset:
    """Return the same data naming only the namespaces that match a glob; totals do not change."""
    return restricted(dataset, lambda name: any(fnmatchcase2(name, glob) for glob in globs))


def _scale(scale: Scale, ids: Ids) -> Scale:
    return replace(
        scale,
        namespaces=Table([ids.get(row, row) for row in scale.namespaces], scale.namespaces.blocks),
        measured=_renamed(scale.measured, ids),
        shared=frozenset(ids.get(row, row) for row in scale.shared),
        uncounted={metric: _renamed(buckets, ids) for metric, buckets in scale.uncounted.items()},
    )


def _past(dataset: Dataset, history: History, ids: Ids, visible: Callable[[str], bool]) -> Callable[[Scale], Scale]:
    """Return what makes of a scale of the history what may be seen of it: it holds namespaces that no table names."""
    former = Former(visible, len(history.seen))

    def seen(scale: Scale) -> Scale:
        others = (row for row in scale.namespaces.rows if isinstance(row, str) and row not in dataset.namespaces)
        return _scale(scale, {**ids, **{row: named for row in others if (named := former.id_of(row)) is not None}})

    return seen


def _renamed(values: Mapping[RowId, V], ids: Ids) -> dict[RowId, V]:
    return {ids.get(row, row): value for row, value in values.items()}


def _sharing(sharing: Sharing, named: Mapping[str, object]) -> Sharing:
    """Return the policy with those of its globs alone that match a namespace the caller may know."""
    globs = tuple(glob for glob in sharing.namespaces if any(fnmatchcase2(name, glob) for name in named))
    return replace(sharing, namespaces=globs, withheld=sharing.withheld + len(sharing.namespaces) - len(globs))
