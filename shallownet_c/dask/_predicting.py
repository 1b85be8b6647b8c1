"""Outputs for collections, computed partition by partition when they are asked for."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import numpy as np

from shallownet_c._checks import _validation
from shallownet_c._checks._validation import Array
from shallownet_c.dask import _partitions
from shallownet_c.mlp import MLP


def predict(net: MLP, X: Any) -> Any:
    """The network's outputs for a collection, as ``net(X)`` has them for an array: nothing is computed yet.

    Parameters
    ----------
    net : MLP
        As it is now: later fits of it do not matter.
    X : dask array (m, n_0) or dask dataframe
        Columns in several chunks are joined.

    Returns
    -------
    dask array (m, n_L)
        Of the network's dtype, with the partitions of X; those of a dataframe have unknown lengths.

    Raises
    ------
    ValueError, TypeError
        If net is no network, or X no collection of n_0 columns or not with the names of the fit. Where the partitions
        are computed, what ``net(X)`` raises.

    Examples
    --------
    >>> import dask.array
    >>> import shallownet_c as sn, shallownet_c.dask
    >>> net = sn.MLP([3, 2], output="softmax", init="zeros")
    >>> A = sn.dask.predict(net, dask.array.ones((5, 3), chunks=(2, 3)))
    >>> A.chunks, A.compute()[0]
    (((2, 2, 1), (2,)), array([0.5, 0.5]))
    """
    if not isinstance(net, MLP):
        raise TypeError(f"net must be an MLP, got {_validation.shown(net)}")
    if not _partitions.is_collection(X):
        raise TypeError(f"X must be a dask array or a dask dataframe, got {_validation.shown(X)}: net(X) takes others")
    if _partitions.is_table(X):
        net._names.checked(X._meta)
    n_0, n_L = net.layer_sizes[0], net.layer_sizes[-1]
    return by_partition("predict", MLP.predict, net.copy(), _partitions.rows_of(X, n_0), n_L, net.dtype)


def by_partition(
    name: str,
    function: Callable[[Any, Any], Array],
    first: Any,
    X: _partitions.Partitions,
    width: int | None,
    dtype: Any,
) -> Any:
    """The dask array of what ``function(first, partition)`` gives, (m, width) or (m,).

    Partitions without rows are not computed, since scikit-learn refuses those.
    """
    delayed, array = _partitions.library("dask").delayed, _partitions.library("dask.array")
    id = uuid.uuid4().hex
    shared = delayed(first, name=f"shallownet-network-{id}", traverse=False)
    columns = () if width is None else (width,)
    meta = np.empty((0, *columns), dtype)
    parts = []
    for number, item in enumerate(X.items):
        m = np.nan if X.rows is None else X.rows[number]
        part = delayed(on_rows)(function, shared, item, meta, dask_key_name=f"shallownet-{name}-{number}-{id}")
        parts.append(array.from_delayed(part, (m, *columns), meta=meta))
    return array.concatenate(parts)


def on_rows(function: Callable[[Any, Any], Array], first: Any, rows: Any, meta: Array) -> Array:
    """The function of a partition, `meta` where that has no rows."""
    return function(first, rows) if len(rows) else meta
