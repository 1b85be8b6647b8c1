"""Fits on tables that outgrow one machine: Dask keeps the rows on its workers, which compute the gradients.

`fit` trains a network on dask arrays, dataframes or delayed partitions, `resume` goes on from its checkpoint, and
`predict` computes outputs lazily, partition by partition. `MLPClassifier` and `MLPRegressor` are scikit-learn's
estimators that take collections as well.

>>> import dask.array, distributed
>>> import shallownet_c as sn, shallownet_c.dask
>>> X, y = sn.datasets.make_flower(400, seed=1)
>>> X, y = dask.array.from_array(X, chunks=(100, 2)), dask.array.from_array(y, chunks=100)
>>> net = sn.MLP([2, 4, 1], output="sigmoid", seed=0)
>>> with distributed.Client(n_workers=1, processes=False, dashboard_address=":0") as client:
...     history = sn.dask.fit(net, X, y, solver="lbfgs", epochs=50, client=client)
>>> history.cost[-1] < 0.5
True

Needs the extra "dask" (dask and distributed), on the workers, too; the estimators also need "sklearn".
"""

import importlib
from typing import TYPE_CHECKING, Any

from shallownet_c.dask._fitting import fit, resume
from shallownet_c.dask._predicting import predict
from shallownet_c.dask._report import History, Report
from shallownet_c.dask._rounds import ClusterLostError

if TYPE_CHECKING:
    from shallownet_c.dask._estimators import MLPClassifier, MLPRegressor

__all__ = ["ClusterLostError", "History", "MLPClassifier", "MLPRegressor", "Report", "fit", "predict", "resume"]


def __getattr__(name: str) -> Any:
    # Whoever only fits networks does not wait for the import of scikit-learn, which need not be installed.
    if name in ("MLPClassifier", "MLPRegressor"):
        return getattr(importlib.import_module("shallownet_c.dask._estimators"), name)
    raise AttributeError(f"module 'shallownet_c.dask' has no attribute {name!r}")
