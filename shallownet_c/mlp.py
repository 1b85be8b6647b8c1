"""`MLP`: a multi-layer perceptron whose arithmetic, training loop included, is compiled.

This file checks and allocates; `Network` (src/mlp.pyx) has the call on one row, the kernels all the rest.
"""

from __future__ import annotations  # evaluated, the annotations would import numpy.random

import copy
import itertools
import math
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

from shallownet_c import _architecture, _kernels, _scores, _threads, initializers, optimizers, serialization
from shallownet_c._checks import _arguments, _features, _validation
from shallownet_c._checks._validation import Array
from shallownet_c._fitting import _advice, _orders, _sources, _targets, _training
from shallownet_c._mlp import Network
from shallownet_c._storage import _checkpoint, _schema
from shallownet_c.history import History
from shallownet_c.kernels import check_leak, dense_backward, dense_forward
from shallownet_c.reference._activations import ACTIVATIONS
from shallownet_c.reference._losses import LOSSES

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, DTypeLike


class LayerGradients(NamedTuple):
    """What `MLP.layer_gradients` says of one layer."""

    dZ: Array
    dA: Array
    dW: Array
    db: Array


class MLP(Network):
    """Multi-layer perceptron: A[l] = g[l](A[l−1] W[l]ᵀ + b[l]), A[0] = X.

    Rows are samples, X (m, n_0) and Y (m, n_L); W[l] is (n_l, n_{l−1}) and b[l] (n_l,) as in the notes, whose columns
    are samples (formula 3.14): their A[l] is ours transposed.

    Parameters
    ----------
    layer_sizes : sequence of int
        n_0, …, n_L: inputs, hidden layers, outputs. ``[n, 1]`` with ``output="sigmoid"`` is logistic regression.
    activation : str or sequence of str, default "tanh"
        Of the hidden layers, one name for all or one for each: "identity", "sigmoid", "tanh", "relu", "leaky_relu".
    output : str, default "identity"
        Of the output layer: one of those, "softmax" or "exp".
    loss : str, optional
        L(a, y). By default "log_loss" for sigmoid and softmax outputs, "poisson" for exp, "squared_error" for the
        others. log_loss goes with sigmoid, −Σⱼ [yⱼ log aⱼ + (1−yⱼ) log(1−aⱼ)], and softmax, −Σⱼ yⱼ log aⱼ. With all
        outputs but softmax go, with d = a − y,

        - "squared_error": ½ Σⱼ dⱼ²
        - "absolute_error": Σⱼ |dⱼ|, for the median
        - "huber": Σⱼ ½ dⱼ² where |dⱼ| ≤ δ, δ (|dⱼ| − ½ δ) elsewhere (Huber, 1964)
        - "pinball": Σⱼ −q dⱼ where dⱼ < 0, (1−q) dⱼ elsewhere, for the quantile q (Koenker and Bassett, 1978)
        - "poisson", for y ≥ 0: with output exp, whose a is the rate, Σⱼ aⱼ − yⱼ log aⱼ; with any other output a is the
          logarithm of the rate, Σⱼ e^aⱼ − yⱼ aⱼ
    init : str or float, default "glorot_uniform"
        First W: "glorot_uniform", "glorot_normal", "he_normal", "he_uniform", "zeros", or a number s for s · randn (the
        notes' 0.01). Every b starts at zero.
    leak : float, default 0.01
        Slope of leaky ReLU for z < 0, in [0, 1).
    delta : float, default 1.0
        δ > 0 of huber.
    quantile : float, default 0.5
        q of pinball, in (0, 1).
    dtype : {"float64", "float32"}
        Of the parameters and of all arithmetic.
    seed : None, int, numpy.random.Generator or numpy.random.RandomState
        Where the first weights are drawn from.

    Attributes
    ----------
    params : ndarray (P,)
        All parameters, W[1] row by row, b[1], W[2], b[2], …: the one store, writeable in place. While a fit runs in
        another thread they may be those of two steps, see `copy`.
    weights, biases : tuple of ndarray
        Views of `params`: ``weights[l]`` is the notes' W[l+1], (n_{l+1}, n_l).
    layer_sizes, activations : tuple
        n_0, …, n_L, and the names of g[1], …, g[L], the output's last.
    loss, dtype, leak, delta, quantile, n_params
    history : History or None
        Of the last fit.
    feature_names : tuple of str or None
        The columns of the table that the last fit learnt from, which every other table must have in the same order.

    Raises
    ------
    ValueError, TypeError
        If an argument is not what it should be; the message names it and lists what it may be.

    Examples
    --------
    The notes' network, two inputs, four tanh units, one logistic output, on the two-class flower:

    >>> import shallownet_c as sn
    >>> X, y = sn.datasets.make_flower(400, seed=1)
    >>> net = sn.MLP([2, 4, 1], activation="tanh", output="sigmoid", init=0.01, seed=0)
    >>> _ = net.fit(X, y, optimizer=sn.SGD(learning_rate=1.2), epochs=5000)
    >>> net.score(X, y) > 0.8  # the accuracy: the share of samples that net.classify(X) gets right
    True
    """

    # The network's own, so that __dict__ holds only what a subclass or a user adds, which copies and pickles carry.
    __slots__ = (
        "__dict__",
        "__weakref__",
        "_activations",
        "_biases",
        "_delta",
        "_dtype",
        "_history",
        "_kept_optimizer",
        "_layer_sizes",
        "_loss",
        "_names",
        "_quantile",
        "_weights",
    )

    @_arguments.checked
    def __init__(
        self,
        layer_sizes: Sequence[int],
        activation: str | Sequence[str] = "tanh",
        output: str = "identity",
        *,
        loss: str | None = None,
        init: str | float = "glorot_uniform",
        leak: float = 0.01,
        delta: float = 1.0,
        quantile: float = 0.5,
        dtype: DTypeLike = "float64",
        seed: int | np.random.Generator | np.random.RandomState | None = None,
    ) -> None:
        sizes = _architecture.check_sizes(layer_sizes)
        activations = _architecture.check_activations(activation, output, sizes)
        loss = _architecture.check_loss(loss, activations[-1])
        leak = check_leak(leak)
        parameters = _architecture.check_loss_parameters(delta=delta, quantile=quantile)
        dtype = _validation.float_dtype(dtype)
        draw = initializers.initializer(init, dtype)
        # numpy.random is slow to import, and a network that draws nothing, such as one from a file, can do without.
        zeros = isinstance(init, str) and init == "zeros"
        rng = None if seed is None and zeros else _validation.random_generator(seed)

        n_params = _architecture.count_params(sizes)
        if n_params * dtype.itemsize > sys.maxsize:
            raise ValueError(f"layer_sizes make 2**{n_params.bit_length() - 1} parameters or more: too many to address")
        params = np.zeros(n_params, dtype)
        codes = [_kernels.ACTIVATIONS[name] for name in activations]
        super().__init__(params, np.array(sizes, np.intp), np.array(codes, np.intc), leak, _kernels.module(dtype))
        self._layer_sizes = sizes
        self._activations = activations
        self._loss = loss
        self._delta, self._quantile = parameters["delta"], parameters["quantile"]
        self._history: History | None = None
        self._kept_optimizer: optimizers.Optimizer | None = None
        self._names = _features.Names()
        self._dtype = dtype
        self._weights, self._biases = _architecture.views(params, sizes)
        for W in self._weights:
            W[...] = draw(rng, *W.shape)

    # Read-only, all of them: the kernels trust what the constructor has checked.

    @property
    def params(self) -> Array:
        # A fresh view each time: its shape and dtype can be assigned without harm to the network.
        return self._params[:]

    @property
    def weights(self) -> tuple[Array, ...]:
        return self._weights

    @property
    def biases(self) -> tuple[Array, ...]:
        return self._biases

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        return self._layer_sizes

    @property
    def activations(self) -> tuple[str, ...]:
        return self._activations

    @property
    def loss(self) -> str:
        return self._loss

    @property
    def leak(self) -> float:
        return self._leak

    @property
    def delta(self) -> float:
        return self._delta

    @property
    def quantile(self) -> float:
        return self._quantile

    @property
    def history(self) -> History | None:
        """That of the last `fit` or `resume`, written while it goes on; None before the first."""
        return self._history

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        """Those of the columns of X in the last fit, if it was a table (pandas, polars) whose names are all strings.

        A table with other names, or in another order, is refused wherever X goes in; whatever has no names is taken by
        position. A new `fit` brings its own names, or none; `partial_fit` and `resume` keep to those there are.
        """
        return self._names.known

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._dtype

    @property
    def n_params(self) -> int:
        return self._params.size

    def __repr__(self) -> str:
        hidden = set(self.activations[:-1])
        activation = hidden.pop() if len(hidden) == 1 else list(self.activations[:-1])
        shown = f"activation={activation!r}, " if self.activations[:-1] else ""
        names = [ACTIVATIONS[name].parameter for name in self.activations]
        loss_parameter = LOSSES[self.loss].parameter
        names += [] if loss_parameter is None else [loss_parameter.name]
        parameters = "".join(f"{name}={getattr(self, name)!r}, " for name in dict.fromkeys(filter(None, names)))
        return (
            f"MLP({list(self.layer_sizes)}, {shown}output={self.activations[-1]!r}, loss={self.loss!r}, "
            f"{parameters}dtype={self.dtype.name!r})"
        )

    def predict(self, X: ArrayLike, out: Array | None = None) -> Array:
        """A[L], the network's output; the same as calling it, ``net(X)``.

        Parameters
        ----------
        X : array_like (m, n_0) or (n_0,)
            Samples, or one sample. NaN gives NaN. The columns of a table must be those of `feature_names`.
        out : ndarray (m, n_L) or (n_L,), optional
            C-contiguous, of the network's dtype and no view of its parameters; it is overwritten and returned. It may
            be X.

        Returns
        -------
        ndarray (m, n_L) or (n_L,)

        Raises
        ------
        ValueError, TypeError
            If X or out has the wrong shape or dtype, or out shares memory with the parameters.

        Examples
        --------
        >>> import shallownet_c as sn
        >>> net = sn.MLP([3, 2], output="softmax", init="zeros")
        >>> net.predict([1.0, 2.0, 3.0])
        array([0.5, 0.5])
        """
        return self(X, out)

    def _predict(self, X: ArrayLike, out: Array | None) -> Array:
        """`Network.__call__` for all but one plain row."""
        sizes, dtype = self._layer_sizes, self._dtype
        n_in, n_out = sizes[0], sizes[-1]
        if not (type(X) is np.ndarray and X.ndim == 2 and X.shape[1] == n_in):
            self._names.checked(X)
            X = _validation.numbers("X", X, dtype)
            if X.shape == (n_in,):
                if out is None:
                    return self(X)
                self._check_out(out, (n_out,))
                self(X, np.asarray(out))  # the compiled call takes arrays of no subclass
                return out
            _check_rows_or_one(X, n_in)
        X = _validation.rows("X", X, n_in, dtype)
        if out is None:
            out = np.empty((len(X), n_out), dtype)
        else:
            self._check_out(out, (len(X), n_out))
            if np.may_share_memory(out, X):
                X = X.copy()
        n_threads = _threads.for_work(len(X) * self._params.size)
        self._kernels.forward(self._sizes, self._activation_codes, self._leak, self._params, X, out, n_threads)
        return out

    def _check_out(self, out: object, shape: tuple[int, ...]) -> None:
        """Whether a prediction may be written there, which may be X itself but not the parameters that it reads."""
        _validation.refuse_overlap(
            "out", _validation.output_array("out", out, shape, self._dtype), {"the network's params": self._params}
        )

    def classify(self, X: ArrayLike) -> Any:
        """The class of each sample: the likeliest of a softmax output, 0 or 1 for each output of a sigmoid.

        Parameters
        ----------
        X : array_like (m, n_0) or (n_0,)
            Samples, or one sample.

        Returns
        -------
        ndarray of int64
            (m,) numbers of classes with softmax, and 0 or 1 with one sigmoid, where a > ½ is 1; (m, n_L) zeros and ones
            with several. Without the first axis, that is a single integer or (n_L,), for one sample.

        Raises
        ------
        ValueError, TypeError
            If the output is neither, X is not what `predict` takes, or an output is no number, as it is for NaN in X.

        Examples
        --------
        >>> import shallownet_c as sn
        >>> X, y = sn.datasets.make_flower(400, seed=1)
        >>> net = sn.MLP([2, 4, 1], output="sigmoid", seed=0)
        >>> _ = net.fit(X, y, optimizer=sn.RPROP(), epochs=300)
        >>> net.classify(X).shape, bool((net.classify(X) == y).mean() > 0.8)
        ((400,), True)
        """
        output = ACTIVATIONS[self._activations[-1]]
        if not output.probabilities:
            takes = " or ".join(repr(name) for name, row in ACTIVATIONS.items() if row.probabilities)
            raise ValueError(f"classify needs a network with output {takes}, got {output.name!r}")
        A = self(X)
        numbers = np.isfinite(A).all(axis=-1)
        if not numbers.all():
            where = f" for row {int(np.argmin(numbers))}" if A.ndim == 2 else ""
            got = _validation.shown(A[np.argmin(numbers)] if where else A)
            raise ValueError(f"X must give outputs that are numbers, got {got}{where}")
        if not output.elementwise:
            return A.argmax(axis=-1)
        classes = (A > 0.5).astype(np.int64)
        return classes[..., 0] if self._layer_sizes[-1] == 1 else classes

    @_arguments.checked
    def score(
        self,
        X: ArrayLike | Callable[[], Iterable[tuple[Any, ...]]],
        Y: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> float:
        """How good the predictions are: accuracy for log_loss, R² for every other loss.

        Parameters
        ----------
        X, Y, sample_weight
            As in `fit`; X may also be read in pieces or be a function that yields chunks.

        Returns
        -------
        float
            For log_loss the share of samples whose class is right, with several sigmoids those with all labels right;
            probabilities in Y count as the likeliest class. Otherwise 1 − Σ w (y − a)² / Σ w (y − ȳ)², the mean over
            the outputs; 1 is perfect, 0 as good as the mean ȳ. For poisson with a logarithmic rate a, e^a stands for a.

        Raises
        ------
        ValueError, TypeError
            As `cost`.

        Examples
        --------
        >>> import numpy as np, shallownet_c as sn
        >>> X = np.linspace(-1, 1, 100)[:, np.newaxis]
        >>> y = np.sin(3 * X[:, 0])  # (m,), where net(X) is (m, 1): y - net(X) would be (m, m)
        >>> net = sn.MLP([1, 8, 1], seed=0)
        >>> _ = net.fit(X, y, optimizer=sn.RPROP(), epochs=300)
        >>> net.score(X, y) > 0.95
        True
        """
        source = _sources.source(self, X, Y, sample_weight)
        pieces = [
            (self(piece.X), piece.Y if piece.classes is None else piece.classes, piece.weights)
            for piece in source.pieces(None, source.m or 1, None)
        ]
        A, Y = (np.concatenate([piece[k] for piece in pieces]) for k in (0, 1))
        given = [piece[2] if piece[2] is not None else np.ones(len(piece[0]), self._dtype) for piece in pieces]
        weights = np.concatenate(given)
        if not weights.any():
            raise ValueError("sample_weight must not be zero in every row of X")
        loss, output = LOSSES[self._loss], self._activations[-1]
        if not loss.classes:
            logarithms = loss.logarithmic and output not in loss.canonical
            return _scores.r_squared(np.exp(A) if logarithms else A, Y, weights)
        if ACTIVATIONS[output].elementwise:
            return _scores.accuracy(A > 0.5, Y > 0.5, weights)
        return _scores.accuracy(A.argmax(axis=1), Y if Y.ndim == 1 else Y.argmax(axis=1), weights)

    def layer_outputs(self, X: ArrayLike) -> list[Array]:
        """All layers' outputs, the notes' a[0], …, a[L].

        Parameters
        ----------
        X : array_like (m, n_0) or (n_0,)

        Returns
        -------
        list of L + 1 ndarrays
            A[0] (a copy of X), …, A[L], each (m, n_l), or (n_l,) for one sample.

        Examples
        --------
        >>> import shallownet_c as sn
        >>> [A.shape for A in sn.MLP([2, 4, 1]).layer_outputs([[0.0, 1.0], [1.0, 0.0]])]
        [(2, 2), (2, 4), (2, 1)]
        """
        self._names.checked(X)
        X = _validation.numbers("X", X, self.dtype)
        n_in = self.layer_sizes[0]
        _check_rows_or_one(X, n_in)
        outputs = [X.reshape(-1, n_in).copy()]
        for W, b, name in zip(self.weights, self.biases, self.activations, strict=True):
            outputs.append(dense_forward(outputs[-1], W, b, name, leak=self.leak))
        return outputs if X.ndim == 2 else [A[0] for A in outputs]

    def layer_gradients(
        self, X: ArrayLike, Y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> list[LayerGradients]:
        """Everything that back propagation computes (the notes, formulas 3.4 and 3.5), layer by layer.

        Parameters
        ----------
        X, Y, sample_weight
            As in `cost`.

        Returns
        -------
        list of L LayerGradients
            For each layer l = 1, …, L a tuple with the names

            - dZ, dA (m, n_l): derivatives of each sample's own wᵢ L(aᵢ, yᵢ), the notes' dz(i) and da(i),
            - dW (n_l, n_{l−1}), db (n_l,): derivatives of J, dW = dZᵀ A[l−1] / Σw.

            For a softmax output, whose dZ follows from all of dA, dA is −w y / a.

        Raises
        ------
        ValueError, TypeError
            As `cost`.

        Examples
        --------
        >>> import shallownet_c as sn
        >>> net = sn.MLP([2, 1], output="sigmoid", init="zeros")
        >>> net.layer_gradients([[1.0, 2.0]], [1])[0].dZ  # a - y
        array([[-0.5]])
        """
        X, Y, classes, weights = self._check_data(X, Y, sample_weight)
        if classes is not None:
            Y = np.eye(self.layer_sizes[-1], dtype=self.dtype)[classes]
        A = self.layer_outputs(X)
        dZ = dense_forward(A[-2], self.weights[-1], self.biases[-1], "identity")
        output = int(self._activation_codes[-1])
        self._kernels.output_gradient(output, self.leak, *self._loss_terms(), dZ, Y, None, weights)
        dA = self._output_slopes(A[-1], Y, weights)
        weight_sum = float(len(X) if weights is None else weights.sum(dtype=np.float64))
        gradients = []
        for layer in reversed(range(len(self.weights))):
            W = self.weights[layer]
            dW, db = np.zeros(W.shape, self.dtype), np.zeros(len(W), self.dtype)
            below = dense_backward(dZ, dZ, A[layer], W, "identity", dW, db)
            gradients.append(LayerGradients(dZ, dA, dW / weight_sum, db / weight_sum))
            if layer > 0:
                # The kernel's own dZ = dA * g'(Z) of the layer below: dX where W is the unit matrix.
                n, name, dA = len(W.T), self.activations[layer - 1], below
                unit = np.eye(n, dtype=self.dtype)
                dZ = dense_backward(dA, A[layer], A[layer], unit, name, unit.copy(), unit[0].copy(), leak=self.leak)
        return gradients[::-1]

    def _output_slopes(self, A: Array, Y: Array, weights: Array | None) -> Array:
        """Derivatives of w L(a, y) by a, of the output layer."""
        form = LOSSES[self._loss].canonical.get(self._activations[-1])
        if form is None:
            dA = A.copy()
            identity = _kernels.ACTIVATIONS["identity"]
            self._kernels.output_gradient(identity, self.leak, *self._loss_terms(), dA, Y, None, weights)
            return dA
        dA = form.derivatives(A, Y)
        return dA if weights is None else dA * weights[:, np.newaxis]

    def cost(self, X: ArrayLike, Y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """J = Σᵢ wᵢ L(aᵢ, yᵢ) / Σᵢ wᵢ, penalties left out.

        Parameters
        ----------
        X : array_like (m, n_0)
        Y : array_like (m, n_L)
            Also (m,) with one output, and with softmax (m,) integers, the classes' numbers 0, …, n_L − 1.
        sample_weight : array_like (m,), optional
            w ≥ 0, 1 each by default.

        Returns
        -------
        float

        Raises
        ------
        ValueError, TypeError
            If shapes do not fit, m is 0, or a value is masked, not finite or out of range; the first bad row is named.

        Examples
        --------
        >>> import shallownet_c as sn
        >>> round(sn.MLP([2, 1], output="sigmoid", init="zeros").cost([[1.0, 2.0]], [1]), 6)  # log 2
        0.693147
        """
        loss_sum, weight_sum = self._accumulate(X, Y, sample_weight, None)
        return loss_sum / weight_sum

    def cost_and_grad(self, X: ArrayLike, Y: ArrayLike, sample_weight: ArrayLike | None = None) -> tuple[float, Array]:
        """J and its gradient by all parameters, by back propagation (the notes, section "gradient descent").

        Parameters
        ----------
        X, Y, sample_weight
            As in `cost`.

        Returns
        -------
        J : float
        grad : ndarray (P,)
            dJ/d params, in the order of `params`.

        Raises
        ------
        ValueError, TypeError
            As `cost`.

        Examples
        --------
        >>> import shallownet_c as sn
        >>> net = sn.MLP([2, 1], output="sigmoid", init="zeros")
        >>> net.cost_and_grad([[1.0, 2.0]], [1])[1]  # (a - y) x, and a - y
        array([-0.5, -1. , -0.5])
        """
        elementwise = ACTIVATIONS[self._activations[-1]].elementwise
        if sample_weight is None and type(X) is np.ndarray and X.ndim == 2 and elementwise:
            n_threads = _threads.for_work(len(X) * self._params.size)
            result = self._plain_cost_and_grad(X, Y, *self._loss_terms(), n_threads)
            if result is not None:
                return result
        grad = np.zeros(self._params.size, self._dtype)
        loss_sum, weight_sum = self._accumulate(X, Y, sample_weight, grad)
        grad /= weight_sum
        return loss_sum / weight_sum, grad

    def accumulate_grad(
        self, X: ArrayLike, Y: ArrayLike, grad: Array, sample_weight: ArrayLike | None = None
    ) -> tuple[float, float]:
        """Add the gradient of Σᵢ wᵢ L(aᵢ, yᵢ), not divided by anything, to `grad`.

        Sums over parts of the data add up to the sum over the whole, whoever computes them.

        Parameters
        ----------
        X, Y, sample_weight
            As in `cost`.
        grad : ndarray (P,)
            Of the network's dtype, C-contiguous, sharing no memory with its parameters, X, Y or sample_weight.

        Returns
        -------
        loss_sum, weight_sum : float
            Σᵢ wᵢ L(aᵢ, yᵢ) and Σᵢ wᵢ.

        Raises
        ------
        ValueError, TypeError
            As `cost`, and if `grad` has the wrong shape, dtype or layout or shares memory.

        Examples
        --------
        >>> import numpy as np, shallownet_c as sn
        >>> net = sn.MLP([2, 1], output="sigmoid", init="zeros")
        >>> grad = np.zeros(net.n_params)
        >>> net.accumulate_grad([[1.0, 2.0], [0.0, 0.0]], [1, 0], grad)[1]
        2.0
        """
        _validation.output_array("grad", grad, (self._params.size,), self._dtype)
        _validation.refuse_overlap("grad", grad, {"the network's params": self._params})
        return self._accumulate(X, Y, sample_weight, grad)

    def _accumulate(
        self, X: ArrayLike, Y: ArrayLike, sample_weight: ArrayLike | None, grad: Array | None
    ) -> tuple[float, float]:
        if _sources.is_lazy(X, self._dtype):
            source = _sources.source(self, X, Y, sample_weight)
            return source.sums(self, grad, _threads.allowed())
        X, Y, classes, weights = self._check_data(X, Y, sample_weight)
        if grad is not None:
            _validation.refuse_overlap("grad", grad, {"X": X, "Y": Y, "sample_weight": weights})
        n_threads = _threads.for_work(len(X) * self._params.size)
        return self._kernels.accumulate_grad(*self._model(), self._params, X, Y, classes, weights, grad, n_threads)

    def _loss_terms(self) -> tuple[int, float]:
        """The loss's code and its parameter, as the kernels take them."""
        return _kernels.LOSSES[self._loss], *(self._loss_parameters() or (math.inf,))

    def _loss_parameters(self) -> tuple[float, ...]:
        """Those that the loss's functions take."""
        parameter = LOSSES[self._loss].parameter
        return () if parameter is None else (getattr(self, parameter.name),)

    def _model(self) -> tuple[Any, ...]:
        """What the kernels take before the parameters."""
        return self._sizes, self._activation_codes, self._leak, *self._loss_terms()

    def _check_data(
        self,
        X: ArrayLike,
        Y: ArrayLike,
        sample_weight: ArrayLike | None,
        all_zero: bool = False,
        names: _features.Names | None = None,
    ) -> tuple[Array, Array | None, Array | None, Array | None]:
        """X, and Y or the classes, and the weights, as the kernels take them; weights of 0 in all rows if told so.

        Names of columns must be those of the network, or of `names`, which take those of a first table.
        """
        found = (self._names if names is None else names).checked(X)
        X = _validation.rows("X", X, self._layer_sizes[0], self._dtype)
        if len(X) == 0:
            raise ValueError("X must have at least one row, got none")
        _validation.refuse_nonfinite("X", X, self._kernels.first_nonfinite)
        Y, classes = _targets.check(self, Y, len(X))
        weights = None
        if sample_weight is not None:
            weights = _validation.sample_weights(sample_weight, len(X), self._dtype, all_zero)
        if names is not None:
            names.known = found
        return X, Y, classes, weights

    @_arguments.checked
    def fit(
        self,
        X: ArrayLike | Callable[[], Iterable[tuple[Any, ...]]],
        Y: ArrayLike | None = None,
        *,
        optimizer: str | optimizers.Optimizer = "adam",
        epochs: int = 200,
        batch_size: int | None = None,
        shuffle: bool = True,
        order: ArrayLike | Callable[[int], ArrayLike] | None = None,
        sample_weight: ArrayLike | None = None,
        l2: float = 0.0,
        l1: float = 0.0,
        dropout: float | Sequence[float] = 0.0,
        clip_norm: float | None = None,
        validation_data: tuple[Any, ...] | None = None,
        patience: int | None = None,
        tol: float = 0.0,
        seed: int | np.random.Generator | np.random.RandomState | None = None,
        n_threads: int | None = None,
        progress: bool = False,
        callback: Callable[[int, History, MLP], object] | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_every: float = 60.0,
    ) -> History:
        """Minimise J + (½ l2 ‖W‖² + l1 Σ|W|) / Σw of the batch; the whole loop is compiled.

        Parameters
        ----------
        X, Y, sample_weight
            As in `cost`, no views of the network's parameters. Rows go together by position, whatever an index says. Of
            a table (pandas, polars) the names of the columns are kept, see `feature_names`: validation data and later
            tables must have them in the same order. A batch whose weights are all zero is skipped. The numbers of
            classes are copied. An np.memmap of the network's dtype is used where it lies; one of another dtype, and any
            object with shape, dtype, indexing and the array protocol (h5py, zarr), is read a few megabytes at a time.
            Or X is a function without arguments, Y left out: each epoch calls it for an iterable of chunks (X, Y) or
            (X, Y, sample_weight), and batches are parts of chunks, or whole chunks without `batch_size`.
        optimizer : {"adam", "sgd", "rprop", "lbfgs"} or an object of Adam, SGD, RPROP, LBFGS
            An object carries its state: a second fit with it goes on where the first stopped. RPROP and LBFGS take the
            full batch.
        epochs : int, default 200
            Passes over the data; iterations of LBFGS.
        batch_size : int, optional
            Rows a step; by default all of them, which is the notes' gradient descent.
        shuffle : bool, default True
            Take the rows of minibatches in a new order in each epoch, drawn from `seed`; those of a chunk within it.
        order : array_like (epochs, m) of int, or callable epoch → (m,), optional
            The order of the rows in each epoch, instead of shuffling: to repeat another program's run exactly. A
            callable is asked as each epoch begins: what it does wrong then leaves the epochs before it done.
        l2, l1 : float, default 0.0
            Penalties on the weights, not on the biases (l2 is scikit-learn's alpha).
        dropout : float or sequence of float, default 0.0
            Probability in [0, 1) with which a unit of a hidden layer is left out for a sample and a step, one for all
            hidden layers or one for each; the others count 1 / (1 − p) times (inverted dropout, Srivastava et al.,
            2014). Who is left out follows from `seed` alone, for any number of threads, CPU and dtype.
        clip_norm : float, optional
            Greatest norm of a step's gradient, penalties included; a longer one is scaled down to it.
        validation_data : tuple (X, Y) or (X, Y, sample_weight), optional
            Its cost is recorded after each epoch.
        patience : int, optional
            Stop when the cost, on validation data if there are any, has not gone down by `tol` for so many epochs in a
            row. With validation data the network ends with the parameters that were best on them.
        tol : float, default 0.0
            The least improvement of the best cost that counts for `patience`.
        seed : None, int, numpy.random.Generator or numpy.random.RandomState
            Of the shuffling and of dropout.
        n_threads : int, optional
            Of the CPU at most; by default as many as OMP_NUM_THREADS and threadpoolctl allow. Those limits hold in any
            case, and threads start only where a step is long enough for them to pay. The results are the same bits
            for any number of threads. One in a forked process, and by default in any worker process.
        progress : bool, default False
            Show the course on standard error: a bar where tqdm is installed and that is a terminal, otherwise lines.
        callback : callable (epoch, history, net), optional
            Called after each epoch, counted from 0; stops the training by returning True.
        checkpoint : path, optional
            Where to keep all that `sn.resume` needs to go on with the fit, should the process die. A checkpoint that is
            there already is replaced: `sn.resume`, not `fit`, goes on from it. Only one fit at a time writes there: a
            second one, in whatever process, is refused.
        checkpoint_every : float, default 60.0
            Seconds between two checkpoints, at least. They are written at the end of an epoch, and when the fit ends or
            is ended by Ctrl-C; what has been done of an epoch since its beginning is done again.

        Returns
        -------
        History
            Also `history`, which another thread can read while the training goes on.

        Raises
        ------
        ValueError, TypeError
            If an argument is not what it should be; nothing has changed then.
        DivergenceError
            If the cost or a parameter is no longer finite; the network has the parameters that the last epoch with a
            finite cost began with.
        OSError
            If the checkpoint cannot be written, or another fit is writing it, which is found before anything has
            changed; later on only what nobody could foresee, such as a full disk.
        KeyboardInterrupt
            On Ctrl-C; the parameters are those of the last finished step.
        ImportError
            For LBFGS without SciPy.

        Warns
        -----
        FitWarning
            Once at most, with the remedy: where Adam takes the full batch of more than 1,000 rows for fewer than 1,000
            epochs because `batch_size` was left out; where a column of X ranges over more than 100 or has values beyond
            1,000, or Y has such values, unless the loss is log_loss or poisson; where the fit ends no better than the
            mean of Y. At most 1,000 rows are looked at, evenly chosen; of rows that are read in pieces those of the
            first piece, which is read once more. Not where X is a function, and never from `partial_fit`.

        Notes
        -----
        The same arguments, seed included, give the same bits, for any number of threads. Another CPU level
        (`sn.kernels.target`), dtype or batch size, or data that are read in pieces instead of from memory, add up
        numbers in another order, and rounding differs.

        Examples
        --------
        >>> import shallownet_c as sn
        >>> X, y = sn.datasets.load_digits()
        >>> X, X_dev, y, y_dev = sn.datasets.train_dev_split(X / 16, y, seed=0)
        >>> net = sn.MLP([64, 32, 10], activation="relu", output="softmax", seed=0)
        >>> history = net.fit(X, y, epochs=100, batch_size=200, validation_data=(X_dev, y_dev), patience=20, seed=0)
        >>> history.cost[-1] < 0.2, history.stopped in ("epochs", "patience")
        (True, True)
        """
        source = _sources.source(self, X, Y, sample_weight, self._names.of_a_fit())
        m = source.m
        n_threads = _threads.allowed(n_threads)
        rates = _training.dropout_rates(dropout, len(self._layer_sizes) - 2)
        settings = _training.Settings(
            epochs=epochs,
            batch_size=batch_size,
            shuffle=shuffle,
            l2=l2,
            l1=l1,
            dropout=rates,
            dropout_seed=0,
            clip_norm=math.inf
            if clip_norm is None
            else _validation.real_number("clip_norm", clip_norm, "> 0", lambda x: x > 0),
            patience=patience,
            tol=tol,
        )
        if order is not None and m is None:
            raise ValueError("order must be left out where X is a function: its chunks come in their own order")
        if order is not None and not callable(order):
            order = _orders.check_order(order, (settings.epochs, m))
        rng = _validation.random_generator(seed)
        optimizer = optimizers.optimizer(optimizer)
        _training.check_optimizer(optimizer, settings, m, checkpoint)
        watchers = self._watchers(source.names, validation_data, progress, callback, checkpoint, checkpoint_every)
        optimizer.hyper_parameters()
        if not isinstance(optimizer, optimizers.LBFGS):
            optimizer.state(self._params.size, self._dtype)
        with _checkpoint.held(checkpoint):
            training = _training.Training(self, source, optimizer, settings, watchers, order, rng, n_threads)
            advice = _advice.Advice(training, batch_size)
            advice.before()
            if rates is not None:  # drawn when nothing can be refused any more
                settings.dropout_seed = _training.dropout_seed(rng)
            history = training.run()
            advice.after()
            return history

    def _watchers(
        self,
        names: _features.Names,
        validation_data: tuple[Any, ...] | None,
        progress: bool,
        callback: Callable[[int, History, MLP], object] | None,
        checkpoint: str | os.PathLike[str] | None,
        checkpoint_every: float,
    ) -> _training.Watchers:
        """The arguments of `fit` that say who watches, checked."""
        source = None
        if validation_data is not None:
            items = _validation.sequence("validation_data", validation_data, "X, Y and perhaps sample_weight")
            if len(items) not in (2, 3):
                raise ValueError(f"validation_data must be (X, Y) or (X, Y, sample_weight), got {len(items)} items")
            try:
                source = _sources.source(self, *items, *([None] if len(items) == 2 else []), names)
            except (TypeError, ValueError) as error:
                raise _validation.retold(error, f"validation_data: {error}") from None
        if callback is not None and not callable(callback):
            raise TypeError(f"callback must be callable, got {_validation.shown(callback)}")
        every = _validation.real_number("checkpoint_every", checkpoint_every, ">= 0", lambda x: x >= 0)
        writer = None if checkpoint is None else _checkpoint.Writer(checkpoint, every)
        return _training.Watchers(source, callback, _validation.boolean("progress", progress), writer)

    @_arguments.checked
    def partial_fit(
        self,
        X: ArrayLike,
        Y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        optimizer: str | optimizers.Optimizer = "adam",
        batch_size: int | None = None,
        l2: float = 0.0,
        n_threads: int | None = None,
    ) -> Self:
        """One pass over some rows, in their order: for data that arrive little by little.

        Parameters
        ----------
        X, Y, sample_weight, batch_size, l2, n_threads
            As in `fit`.
        optimizer : str or Optimizer, default "adam"
            The one that a name stands for is kept in the network, with its state, for the next call with that name.

        Returns
        -------
        MLP
            The network itself.

        Raises
        ------
        ValueError, TypeError, DivergenceError
            As `fit`.

        Examples
        --------
        >>> import shallownet_c as sn
        >>> X, y = sn.datasets.load_digits()
        >>> net = sn.MLP([64, 32, 10], activation="relu", output="softmax", seed=0)
        >>> for first in range(0, len(X), 100):
        ...     _ = net.partial_fit(X[first : first + 100] / 16, y[first : first + 100], batch_size=10)
        >>> net.cost(X / 16, y) < 1.5
        True
        """
        chosen = optimizers.optimizer(optimizer)
        if isinstance(optimizer, str) and type(self._kept_optimizer) is type(chosen):
            chosen = self._kept_optimizer
        with _advice.silenced(), self._names.kept():
            self.fit(
                X, Y, optimizer=chosen, epochs=1, batch_size=batch_size, shuffle=False, sample_weight=sample_weight,
                l2=l2, n_threads=n_threads,
            )  # fmt: skip
        if isinstance(optimizer, str):
            self._kept_optimizer = chosen
        return self

    def copy(self) -> Self:
        """A network of its own with the same parameters, history, and optimizer of `partial_fit`.

        While a fit of this network runs in another thread this is no snapshot, nor are `save`, pickling or a look at
        `params`: some parameters may be those of one step, others of the next. Between two epochs they are those of one
        step, and there the fit's `callback` is called.

        Examples
        --------
        >>> import shallownet_c as sn
        >>> X, y = sn.datasets.make_flower(400, seed=1)
        >>> net, copies = sn.MLP([2, 4, 1], output="sigmoid", seed=0), []
        >>> def keep(epoch, history, net):
        ...     copies.append(net.copy())
        >>> _ = net.fit(X, y, epochs=3, callback=keep)
        >>> bool((copies[-1].params == net.params).all())
        True
        """
        return copy.deepcopy(self)

    def __reduce__(self) -> tuple[Any, ...]:
        # What `_architecture` says nothing of: the attributes of a subclass or a user, and what a fit has left. Even a
        # shallow copy has an optimizer of its own, as it has parameters: the steps of one would move the other.
        left = copy.deepcopy({"optimizer": self._kept_optimizer, "history": self._history})
        return _rebuild, (type(self), self._description(), self._params), {"added": self.__dict__, **left}

    def __getstate__(self) -> dict[str, Any]:
        # For who writes objects without `__reduce__`, and makes them by `__new__` and `__setstate__`, as skops does.
        _, (_, architecture, params), state = self.__reduce__()
        return {"architecture": architecture, "params": params, **state}

    def __setstate__(self, state: dict[str, Any]) -> None:
        # Cython gives Network one that refuses, since it holds C pointers; `_rebuild` has made those.
        if "architecture" in state:
            MLP.__init__(self, **state["architecture"], init="zeros")
            self._params[:] = state["params"]
            state = {name: state[name] for name in ("added", "optimizer", "history")}
        if state.keys() != {"added", "optimizer", "history"}:  # of version 0.1.0 before it kept the others
            state = {"added": state, "optimizer": None, "history": None}
        self.__dict__.update(state["added"])
        self._kept_optimizer, self._history = state["optimizer"], state["history"]

    def _architecture(self) -> dict[str, Any]:
        """The constructor's arguments but for the first parameters, fit for JSON."""
        return {
            "layer_sizes": list(self.layer_sizes),
            "activation": list(self.activations[:-1]),
            "output": self.activations[-1],
            "loss": self.loss,
            "leak": self.leak,
            "delta": self.delta,
            "quantile": self.quantile,
            "dtype": self.dtype.name,
        }

    def _description(self) -> dict[str, Any]:
        """What it is, but for its numbers, fit for JSON."""
        names = self.feature_names
        return self._architecture() | ({} if names is None else {"feature_names": list(names)})

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the network to a file in the safetensors format, which `load` reads.

        Tensors ``layers.0.weight``, ``layers.0.bias``, …; the architecture in the metadata. The file appears whole or
        not at all, whoever else writes there. One that is replaced hands on its mode and, where the system allows it,
        its owner; a link goes on pointing to the file. While a fit runs in another thread its parameters need not be
        those of one step, see `copy`.

        Raises
        ------
        OSError
            If it cannot be written; what was there is as it was.

        Examples
        --------
        >>> import os, tempfile, shallownet_c as sn
        >>> net = sn.MLP([2, 3, 1], seed=0)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     net.save(os.path.join(folder, "net.safetensors"))
        ...     again = sn.load(os.path.join(folder, "net.safetensors"))
        >>> bool((again.params == net.params).all())
        True
        """
        serialization.write(path, _tensors(self), self._description())


def _check_rows_or_one(X: Array, n_in: int) -> None:
    if X.shape != (n_in,) and (X.ndim != 2 or X.shape[1] != n_in):
        remedy = _validation.made_rows("X", X.shape, n_in, one_row=True)
        raise ValueError(f"X must have shape (m, {n_in}) or ({n_in},), got {X.shape}{remedy}")


def load(path: str | os.PathLike[str]) -> MLP:
    """The network that `MLP.save` wrote, bit for bit.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    MLP

    Raises
    ------
    ValueError
        If the file is not a model of this package or is damaged; the message names it and says what is wrong. Files may
        come from anywhere: nothing in one is called, and nothing allocated for sizes that it does not hold.
    OSError
        If it cannot be read.
    """
    with serialization.opened(path) as file:
        if "checkpoint" in file.metadata:
            raise ValueError("it is the checkpoint of a fit, which resume goes on with")
        _schema.ARCHITECTURE("its architecture", file.metadata)
        # Before MLP allocates anything: what the file holds is what the network needs.
        shapes = _architecture.tensor_shapes(file.metadata["layer_sizes"])
        file.expect({name: (file.metadata["dtype"], shape) for name, shape in shapes.items()})
        net = described(MLP, file.metadata)
        tensors = file.tensors()
        for name, parameter in _tensors(net).items():
            parameter[...] = tensors[name]
    return net


def _rebuild(kind: type[MLP], architecture: dict[str, Any], params: Array) -> MLP:
    net = described(kind, architecture)
    net._params[:] = params
    return net


def described(kind: type[MLP], description: dict[str, Any]) -> MLP:
    """A network of zeros, from what `MLP._description` says."""
    architecture = dict(description)
    names = architecture.pop("feature_names", None)
    if names is not None and len(names) != architecture["layer_sizes"][0]:
        raise ValueError(f"feature_names must be {architecture['layer_sizes'][0]} names, got {len(names)}")
    net = kind.__new__(kind)
    MLP.__init__(net, **architecture, init="zeros")  # a subclass's own __init__ may take other arguments
    net._names = _features.Names(None if names is None else tuple(names))
    return net


def _tensors(net: MLP) -> dict[str, Array]:
    """The parameters by their names in a file."""
    parameters = itertools.chain.from_iterable(zip(net.weights, net.biases, strict=True))
    return dict(zip(_architecture.tensor_shapes(net.layer_sizes), parameters, strict=True))
