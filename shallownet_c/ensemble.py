"""`Ensemble`: several networks as one, whose outputs are the mean of theirs and whose spread says how sure they are."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Self, overload

import numpy as np

from shallownet_c import _layers, _scores, serialization
from shallownet_c._checks import _arguments, _features, _validation
from shallownet_c._checks._validation import Array
from shallownet_c._fitting import _sources
from shallownet_c._model import Model
from shallownet_c._storage import _models
from shallownet_c.mlp import MLP, made
from shallownet_c.reference._losses import LOSSES

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

#: How much the outputs of all networks take that are kept at a time.
BLOCK_BYTES = 1 << 24
FLOAT64 = np.dtype(np.float64)


class Ensemble:
    """Networks for the same inputs and outputs, which predict together.

    Parameters
    ----------
    nets : sequence of MLP
        One or more, with the same numbers of inputs and outputs, output activation, loss (and quantile or delta where
        the loss has one), dtype and names of columns; hidden layers may differ. The ensemble holds these very
        networks: what becomes of them shows in what it predicts.

    Raises
    ------
    ValueError, TypeError
        If there are none, or one is no MLP or differs from the first; the message says which one.

    Examples
    --------
    Ten networks from different first weights agree where there are data, and less and less beyond:

    >>> import numpy as np, shallownet_c as sn
    >>> rng = np.random.default_rng(0)
    >>> X = rng.uniform(-1, 1, (200, 1))
    >>> y = np.sin(3 * X[:, 0]) + 0.1 * rng.standard_normal(200)
    >>> nets = [sn.MLP([1, 16, 1], seed=seed) for seed in range(10)]
    >>> histories = sn.fit_many(nets, X, y, optimizer=sn.Adam(0.01), epochs=200, batch_size=50, seed=0)
    >>> ensemble = sn.Ensemble(nets)
    >>> ensemble.score(X, y) > 0.95
    True
    >>> inside, outside = ensemble.std([[0.0], [3.0]]).ravel()
    >>> bool(outside > 3 * inside)
    True
    """

    @_arguments.checked
    def __init__(self, nets: Iterable[MLP]) -> None:
        items = _validation.sequence("nets", nets, "MLPs")
        if not items:
            raise ValueError("nets must hold at least one MLP, got none")
        for i, net in enumerate(items):
            if not isinstance(net, MLP) or not hasattr(net, "_model"):  # of a constructor that did not call ours
                raise TypeError(f"nets must hold MLPs, got {_validation.shown(net)} as nets[{i}]")
        first = _what_is_shared(items[0].model)
        for i, net in enumerate(items):
            for name, value in _what_is_shared(net.model).items():
                if value != first[name]:
                    raise ValueError(
                        f"nets must all have the same {name}: {first[name]!r} in nets[0], {value!r} in nets[{i}]"
                    )
        self._nets: tuple[MLP, ...] = tuple(items)
        self._names()

    @property
    def nets(self) -> tuple[MLP, ...]:
        """The networks."""
        return self._nets

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        """The names of the columns that the networks were fitted with, see `MLP.feature_names`."""
        return self._names().known

    def _names(self) -> _features.Names:
        """The names that tables must have; found out each time, since a fit gives a network other ones."""
        first = self._nets[0].feature_names
        for i, net in enumerate(self._nets):
            if net.feature_names != first:
                raise ValueError(
                    f"nets must all have the same feature_names: {_validation.shown(first)} in nets[0], "
                    f"{_validation.shown(net.feature_names)} in nets[{i}]"
                )
        return _features.Names(first)

    def __len__(self) -> int:
        return len(self._nets)

    def __iter__(self) -> Iterator[MLP]:
        return iter(self._nets)

    @overload
    def __getitem__(self, index: int) -> MLP: ...

    @overload
    def __getitem__(self, index: slice) -> Self: ...

    def __getitem__(self, index: int | slice) -> MLP | Self:
        """A network, or an ensemble of several of them."""
        return type(self)(self._nets[index]) if isinstance(index, slice) else self._nets[index]

    def __repr__(self) -> str:
        kinds: dict[str, int] = {}
        for shown in map(repr, self._nets):
            kinds[shown] = kinds.get(shown, 0) + 1
        counted = [f"{count} × {kind}" for kind, count in list(kinds.items())[:3]]
        return f"Ensemble({', '.join(counted)}{', …' if len(kinds) > 3 else ''})"

    def predict(self, X: ArrayLike) -> Array:
        """The mean of the networks' outputs; the same as calling the ensemble.

        Parameters
        ----------
        X : array_like (m, n_0) or (n_0,)
            Samples, or one sample, as `MLP.predict` takes them.

        Returns
        -------
        ndarray (m, n_L) or (n_L,)
            Of the networks' dtype, added up in float64.

        Raises
        ------
        ValueError, TypeError
            As `MLP.predict`.

        Examples
        --------
        >>> import shallownet_c as sn
        >>> sn.Ensemble([sn.MLP([3, 2], output="softmax", init="zeros")]).predict([1.0, 2.0, 3.0])
        array([0.5, 0.5])
        """
        return self._reduced(X, lambda outputs: outputs.mean(axis=0, dtype=FLOAT64))

    __call__ = predict

    def std(self, X: ArrayLike) -> Array:
        """The standard deviation of the networks' outputs, √(Σₖ (aₖ − ā)² / K) over the K networks.

        Parameters, exceptions and the result's shape and dtype are those of `predict`. The spread says how much the
        networks disagree, which comes from what they have not seen; noise in the targets is no part of it.
        """
        return self._reduced(X, lambda outputs: outputs.std(axis=0, dtype=FLOAT64))

    def quantiles(self, X: ArrayLike, q: float | Sequence[float]) -> Array:
        """Quantiles of the networks' outputs, interpolated linearly as `numpy.quantile` has it.

        Parameters
        ----------
        X
            As in `predict`.
        q : float or sequence of float
            In [0, 1].

        Returns
        -------
        ndarray
            (m, n_L) for a number, (len(q), m, n_L) for a sequence; without the m for one sample.

        Examples
        --------
        >>> import numpy as np, shallownet_c as sn
        >>> ensemble = sn.Ensemble([sn.MLP([2, 4, 1], seed=seed) for seed in range(5)])
        >>> low, median, high = ensemble.quantiles(np.ones((3, 2)), [0.1, 0.5, 0.9])
        >>> median.shape, bool((low < high).all())
        ((3, 1), True)
        """
        levels = _validation.numbers("q", q, FLOAT64)
        if levels.ndim > 1 or levels.size == 0 or not ((levels >= 0) & (levels <= 1)).all():
            raise ValueError(f"q must be a number in [0, 1] or a list of them, got {_validation.shown(q)}")
        return self._reduced(X, lambda outputs: np.quantile(outputs.astype(FLOAT64), levels, axis=0), levels.shape)

    def _reduced(self, X: Any, reduce: Callable[[Array], Array], shape: tuple[int, ...] = ()) -> Array:
        """reduce((K, b, n_L)), of a shape that ends with (b, n_L), of all networks' outputs for a block of b rows after
        the other."""
        model = self._nets[0].model
        n_out, dtype = model.sizes[-1], model.dtype
        self._names().checked(X)
        rows, one = _layers.rows_or_one(X, model, sparse=True)
        result = np.empty((*shape, len(rows), n_out), dtype)
        step = max(1, BLOCK_BYTES // (FLOAT64.itemsize * len(self._nets) * n_out))
        outputs = np.empty((len(self._nets), min(step, len(rows)), n_out), dtype)
        for first in range(0, len(rows), step):
            block = rows[first : first + step]
            filled = outputs[:, : len(block)]
            for net, out in zip(self._nets, filled, strict=True):
                net(block, out)
            with np.errstate(over="ignore", invalid="ignore"):  # outputs of a network may be infinite
                result[..., first : first + step, :] = reduce(filled)
        return result[..., 0, :] if one else result

    def classify(self, X: ArrayLike) -> Any:
        """The class of each sample by the mean of the networks' probabilities, as `MLP.classify` has it."""
        return _scores.classify(self.predict, self._nets[0].model, X)

    def score(
        self,
        X: ArrayLike | Callable[[], Iterable[tuple[Any, ...]]],
        Y: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> float:
        """Accuracy for log_loss, R² for every other loss, of what the ensemble predicts; see `MLP.score`."""
        first = self._nets[0]
        source = _sources.source(first.model, first.params, X, Y, sample_weight, self._names())
        return _scores.score(self.predict, first.model, source)

    def copy(self) -> Self:
        """An ensemble of copies of the networks."""
        return copy.deepcopy(self)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write all networks to one file in the safetensors format, which `Ensemble.load` reads.

        Tensors ``nets.0.layers.0.weight``, …; the architectures in the metadata. See `MLP.save` for how files are
        written.

        Raises
        ------
        OSError
            If it cannot be written; what was there is as it was.

        Examples
        --------
        >>> import os, tempfile, shallownet_c as sn
        >>> ensemble = sn.Ensemble([sn.MLP([2, 3, 1], seed=seed) for seed in range(3)])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     ensemble.save(os.path.join(folder, "three.safetensors"))
        ...     again = sn.Ensemble.load(os.path.join(folder, "three.safetensors"))
        >>> len(again), bool((again(np.ones(2)) == ensemble(np.ones(2))).all())
        (3, True)
        """
        _models.write_ensemble(path, self._stored())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """The ensemble that `save` wrote, bit for bit.

        Raises
        ------
        ValueError
            If the file is not an ensemble of this package or is damaged, as from `load`.
        OSError
            If it cannot be read.
        """
        stored = _models.read_ensemble(path)
        with serialization.refused(path, "a shallownet_c ensemble"):
            return cls([made(MLP, *one) for one in stored])

    def _stored(self) -> list[_models.Stored]:
        self._names()
        return [(net.model, net.params, net.feature_names) for net in self._nets]

    @_arguments.checked
    def to_onnx(self, path: str | os.PathLike[str] | None = None, *, opset: int | None = None) -> Any:
        """The ensemble as an ONNX model: input ``X`` (batch, n_0), output ``A``, the mean of the networks' outputs.

        Parameters, exceptions and what is returned are those of `MLP.to_onnx`. `from_onnx`, which makes single
        networks, does not read it.

        Examples
        --------
        >>> import shallownet_c as sn
        >>> ensemble = sn.Ensemble([sn.MLP([4, 8, 1], seed=seed) for seed in range(3)])
        >>> [node.op_type for node in ensemble.to_onnx().graph.node][-2:]
        ['Sum', 'Div']
        """
        from shallownet_c._exchange import _onnx_ensemble

        return _onnx_ensemble.to_onnx(self._stored(), path, opset)

    @_arguments.checked
    def to_c(self, path: str | os.PathLike[str] | None = None, *, name: str = "net", int8: bool = False) -> str:
        """The ensemble as one file of C99, as `MLP.to_c` makes it of a network.

        ``void NAME_predict(const float *x, float *y)`` gives the mean of the networks' outputs; ``NAME_NETWORKS`` is
        their number. What belongs to network i begins with ``NAME_i``, so that a name may have some characters fewer
        than that of a network. Parameters, exceptions and what is returned are those of `MLP.to_c`.

        Examples
        --------
        >>> import shallownet_c as sn
        >>> ensemble = sn.Ensemble([sn.MLP([4, 8, 1], seed=seed) for seed in range(3)])
        >>> "#define NET_NETWORKS 3" in ensemble.to_c()
        True
        """
        from shallownet_c._exchange import _c_ensemble

        nets = [(net.model, net.params) for net in self._nets]
        return _c_ensemble.to_c(nets, self._names().known, path, name, int8)


def _what_is_shared(model: Model) -> dict[str, object]:
    """What the networks of an ensemble have in common, by the names of their attributes and arguments."""
    parameter = LOSSES[model.loss].parameter
    return {
        "number of inputs": model.sizes[0],
        "number of outputs": model.sizes[-1],
        "output": model.activations[-1],
        "loss": model.loss,
        **({} if parameter is None else {parameter.name: getattr(model, parameter.name)}),
        "dtype": model.dtype.name,
    }
