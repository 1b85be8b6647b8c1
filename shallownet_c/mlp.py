"""`MLP`: a multi-layer perceptron whose arithmetic, training loop included, is compiled.

This file has the public methods; `Network` (src/core.pyx) has the call on one row, the kernels all the rest.
"""

from __future__ import annotations  # evaluated, the annotations would import numpy.random

import copy
import os
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn, Self, TypeVar

import numpy as np

from shallownet_c import _engine, _layers, _random, _scores, _threads, initializers, optimizers
from shallownet_c._checks import _arguments, _features, _other_names, _sparse, _validation
from shallownet_c._checks._validation import Array
from shallownet_c._derivatives import InputDerivatives
from shallownet_c._exports import Exports
from shallownet_c._fitting import _advice, _sources
from shallownet_c._layers import LayerGradients
from shallownet_c._model import Model
from shallownet_c._predicting import PredictingNetwork
from shallownet_c._storage import _models

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, DTypeLike

    from shallownet_c._fitting import _fit
    from shallownet_c.history import History

AnyMLP = TypeVar("AnyMLP", bound="MLP")


class MLP(PredictingNetwork, Exports, InputDerivatives):
    """Multi-layer perceptron: A[l] = g[l](A[l−1] W[l]ᵀ + b[l]), A[0] = X.

    Rows are samples, X (m, n_0) and Y (m, n_L); W[l] is (n_l, n_{l−1}) and b[l] (n_l,) as in the notes, whose columns
    are samples (formula 3.14): their A[l] is ours transposed.

    Parameters
    ----------
    layer_sizes : sequence of int
        n_0, …, n_L: inputs, hidden layers, outputs. ``[n, 1]`` with ``output="sigmoid"`` is logistic regression.
    activation : str or sequence of str, default "tanh"
        Of the hidden layers, one name for all of them or one for each:

        - "identity": z
        - "sigmoid": σ(z) = 1 / (1 + e^−z)
        - "tanh": tanh z
        - "relu": max(0, z)
        - "leaky_relu": z for z > 0, `leak` z elsewhere
        - "silu": z σ(z) (Elfwing, Uchibe and Doya, 2018)
        - "gelu": z Φ(z), Φ the standard normal distribution (Hendrycks and Gimpel, 2016)
        - "gelu_tanh": ½ z (1 + tanh(√(2/π) (z + 0.044715 z³))), nearly gelu (the same authors)
        - "mish": z tanh(log(1 + e^z)) (Misra, 2019)
        - "softplus": log(1 + e^z) (Dugas et al., 2001)
        - "elu": z for z > 0, e^z − 1 elsewhere (Clevert, Unterthiner and Hochreiter, 2016, with their α = 1)
        - "selu": λ z for z > 0, λ α (e^z − 1) elsewhere, λ = 1.0507…, α = 1.6732… (Klambauer et al., 2017)
        - "sin": sin z (Sitzmann et al., 2020)
    output : str, default "identity"
        Of the output layer: one of those, "exp", e^z, or "softmax", e^zⱼ / Σₖ e^zₖ.
    loss : str, optional
        L(a, y). By default "log_loss" for the outputs sigmoid and softmax, "poisson" for exp, and "squared_error" for
        all others. "log_loss" goes with no other outputs: it is −Σⱼ [yⱼ log aⱼ + (1−yⱼ) log(1−aⱼ)] with sigmoid and
        −Σⱼ yⱼ log aⱼ with softmax. Every other loss goes with every output except softmax; with d = a − y,

        - "squared_error": ½ Σⱼ dⱼ²
        - "absolute_error": Σⱼ |dⱼ|, for the median
        - "huber": Σⱼ ½ dⱼ² where |dⱼ| ≤ δ, δ (|dⱼ| − ½ δ) elsewhere (Huber, 1964)
        - "pinball": Σⱼ −q dⱼ where dⱼ < 0, (1−q) dⱼ elsewhere, for the quantile q (Koenker and Bassett, 1978)
        - "poisson", for y ≥ 0: with output exp, whose a is the rate, Σⱼ aⱼ − yⱼ log aⱼ; with any other output a is the
          logarithm of the rate, Σⱼ e^aⱼ − yⱼ aⱼ
        - "log_cosh": Σⱼ log cosh dⱼ, which is about ½ dⱼ² where |dⱼ| is small and |dⱼ| − log 2 where it is large
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
    model : Model
        All of these but the parameters, as one value that never changes.
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
        "_biases",
        "_history",
        "_kept_optimizer",
        "_model",
        "_names",
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
        model = Model(
            layer_sizes, activation, output, loss=loss, leak=leak, delta=delta, quantile=quantile, dtype=dtype
        )
        fill = initializers.filler(init, seed, model.dtype)
        self._begin(model, np.zeros(model.n_params, model.dtype), None)
        fill(self._weights)

    if not TYPE_CHECKING:  # a type checker would take any attribute for one of these

        def __getattr__(self, name: str) -> NoReturn:
            instead = _other_names.instead(name, _other_names.ATTRIBUTES)
            raise AttributeError(
                f"{type(self).__name__!r} object has no attribute {name!r}{instead}", name=name, obj=self
            )

    def _begin(self, model: Model, params: Array, names: tuple[str, ...] | None) -> None:
        """Make this the network of these parameters, which are kept; an error if it is one already."""
        super().__init__(*_engine.bound(model, params))
        self._model = model
        self._weights, self._biases = model.views(params)
        self._history: History | None = None
        self._kept_optimizer: optimizers.Optimizer | None = None
        self._names = _features.Names(names)

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
    def history(self) -> History | None:
        """The history of the last `fit` or `resume`, updated while that runs; None before the first."""
        return self._history

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        """The names of the columns of X in the last fit, if it was a table (pandas, polars) with strings for names.

        A table with other names, or in another order, is refused wherever X goes in; whatever has no names is taken by
        position. A new `fit` brings its own names, or none; `partial_fit` and `resume` keep to those there are.
        """
        return self._names.known

    def __repr__(self) -> str:
        return f"MLP({self._model.arguments()})"

    def _repr_html_(self) -> str:
        """What notebooks show: layers, parameters, memory and a small drawing."""
        from shallownet_c import _pictures

        return _pictures.of_network(type(self).__name__, self._model, self._params, self._names.known)

    def predict(self, X: ArrayLike, out: Array | None = None) -> Array:
        """A[L], the network's output; the same as calling it, ``net(X)``.

        Parameters
        ----------
        X : array_like (m, n_0) or (n_0,), or sparse (m, n_0)
            Samples, or one sample. NaN gives NaN. The columns of a table must be those of `feature_names`. Sparse rows
            are a matrix of SciPy's, or any object with data, indices, indptr and shape, or with a method tocsr. An
            np.memmap of another dtype, h5py's and zarr's arrays are read a few megabytes at a time.
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

    def classify(self, X: ArrayLike) -> Any:
        """The class of each sample: the likeliest of a softmax output, 0 or 1 for each output of a sigmoid.

        Parameters
        ----------
        X : array_like (m, n_0) or (n_0,), or sparse (m, n_0)
            Samples, or one sample.

        Returns
        -------
        ndarray of int64
            (m,) numbers of classes with softmax, and 0 or 1 with one sigmoid, where a > ½ is 1; (m, n_L) zeros and ones
            with several. Without the first axis, that is a single integer or (n_L,), for one sample.

        Raises
        ------
        ValueError, TypeError
            If the output is neither of these, X is not what `predict` takes, or an output is not finite.

        Examples
        --------
        >>> import shallownet_c as sn
        >>> X, y = sn.datasets.make_flower(400, seed=1)
        >>> net = sn.MLP([2, 4, 1], output="sigmoid", seed=0)
        >>> _ = net.fit(X, y, optimizer=sn.RPROP(), epochs=300)
        >>> net.classify(X).shape, bool((net.classify(X) == y).mean() > 0.8)
        ((400,), True)
        """
        return _scores.classify(self, self._model, X)

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
        return _scores.score(self, self._model, self._source(X, Y, sample_weight))

    def layer_outputs(self, X: ArrayLike) -> list[Array]:
        """All layers' outputs, the notes' a[0], …, a[L].

        Parameters
        ----------
        X : array_like (m, n_0) or (n_0,), or sparse (m, n_0)

        Returns
        -------
        list of L + 1 ndarrays
            A[0] (a copy of X, sparse if X is), …, A[L], each (m, n_l), or (n_l,) for one sample.

        Examples
        --------
        >>> import shallownet_c as sn
        >>> [A.shape for A in sn.MLP([2, 4, 1]).layer_outputs([[0.0, 1.0], [1.0, 0.0]])]
        [(2, 2), (2, 4), (2, 1)]
        """
        self._names.checked(X)
        return _layers.outputs(self._model, self._params, X)

    def layer_gradients(
        self, X: ArrayLike, Y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> list[LayerGradients]:
        """Everything that back propagation computes (the notes, formulas 3.4 and 3.5), layer by layer.

        Parameters
        ----------
        X, Y, sample_weight
            As in `cost`, but X not sparse.

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
        self._names.checked(X)
        _sparse.refuse("X", X)
        return _layers.gradients(self._model, self._params, _sources.check(self._model, X, Y, sample_weight))

    def cost(self, X: ArrayLike, Y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """J = Σᵢ wᵢ L(aᵢ, yᵢ) / Σᵢ wᵢ, penalties left out.

        Parameters
        ----------
        X : array_like (m, n_0), or sparse
            Sparse rows as in `predict`; they are never made dense.
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
        if sample_weight is None:
            # By the class: of an object with a __getattr__, methods are looked up by a slower way.
            result = PredictingNetwork._plain_cost_and_grad(self, X, Y, 1, _threads.for_work, _threads.LEAST_WORK)
            if result is not None:
                return result
        model = self._model
        grad = np.zeros(model.n_params, model.dtype)
        loss_sum, weight_sum = self._accumulate(X, Y, sample_weight, grad)
        grad /= weight_sum
        return loss_sum / weight_sum, grad

    def accumulate_grad(
        self, X: ArrayLike, Y: ArrayLike, grad: Array, sample_weight: ArrayLike | None = None
    ) -> tuple[float, float]:
        """Add the gradient of Σᵢ wᵢ L(aᵢ, yᵢ), not divided by anything, to `grad`.

        Sums over parts of the data add up to the sum over all of it, wherever the parts are computed.

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
        _validation.output_array("grad", grad, (self._model.n_params,), self._model.dtype)
        _validation.refuse_overlap("grad", grad, {"the network's params": self._params})
        return self._accumulate(X, Y, sample_weight, grad)

    def _accumulate(
        self, X: ArrayLike, Y: ArrayLike, sample_weight: ArrayLike | None, grad: Array | None
    ) -> tuple[float, float]:
        model = self._model
        if _sources.is_in_pieces(X, model.dtype):
            return self._source(X, Y, sample_weight).sums(grad, _threads.allowed())
        self._names.checked(X)
        rows = _sources.check(model, X, Y, sample_weight)
        if grad is not None:
            _validation.refuse_overlap("grad", grad, rows.given)
        return _engine.gradient(self, rows, grad, _threads.for_work(_engine.multiply_adds(model, rows.X)))

    def _source(
        self, X: object, Y: object, sample_weight: object, names: _features.Names | None = None
    ) -> _sources.Source:
        """The rows, whose columns must have the network's names, or for a fit `names`."""
        names = _features.Names(self._names.known) if names is None else names
        return _sources.source(self._model, self._params, X, Y, sample_weight, names)

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
        label_smoothing: float = 0.0,
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
            As in `cost`, but not views of the network's parameters. Rows go together by position, whatever an index
            says. The names of a table's columns (pandas, polars) are kept, see `feature_names`: validation data and
            later tables must have them in the same order. A batch whose weights are all zero is skipped. The numbers of
            classes are copied. An np.memmap of the network's dtype is used where it lies; one of another dtype or of
            more than 16,777,216 rows, and any object with shape, dtype, indexing and the array protocol (h5py, zarr),
            is read a few megabytes at a time. Or X is a function without arguments, Y left out: each epoch calls it for
            an iterable of chunks (X, Y) or (X, Y, sample_weight), and batches are parts of chunks, or whole chunks
            without `batch_size`; `sources.parquet` makes such a function.
        optimizer : str or Optimizer, default "adam"
            "adam", "sgd", "adamax", "nadam", "rmsprop", "rprop" or "lbfgs" for the defaults of `Adam`, `SGD`, `AdaMax`,
            `NAdam`, `RMSprop`, `RPROP` or `LBFGS`, or an object of such a class. An object carries its state: a second
            fit with it goes on where the first stopped. RPROP and LBFGS take the full batch.
        epochs : int, default 200
            Passes over the data; iterations of LBFGS.
        batch_size : int, optional
            Rows a step; by default all of them, which is the notes' gradient descent.
        shuffle : bool, default True
            Take the rows of minibatches in a new order in each epoch, drawn from `seed`; those of a chunk within it.
            More than 16,777,216 rows that are not in memory are shuffled in blocks: those of 256 neighbours come in a
            random order, and the rows of 1,024 blocks at a time are shuffled together.
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
        label_smoothing : float, default 0.0
            s in [0, 1), for log_loss: the training takes (1 − s) y + s / n in the place of y, where n is the number of
            classes of a softmax output, and 2 for each output of a sigmoid (Szegedy et al., 2016). The history's `cost`
            is that of these targets; `val_cost`, `cost` and `score` are those of y itself.
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
            Threads of the CPU at most; by default as many as OMP_NUM_THREADS and threadpoolctl allow. Those limits hold
            in any case, and threads start only where a step is long enough for them to pay. The results are the same
            bits for any number of threads. A forked process uses one, and by default so does any worker of
            multiprocessing and joblib, be it a process or a thread.
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
            changed. Only what could not be foreseen, such as a full disk, is an error later on.
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
        # Only here: a program that only predicts does not wait for the import of what trains.
        from shallownet_c._fitting import _fit, _orders
        from shallownet_c._fitting._settings import Settings
        from shallownet_c._storage import _checkpoint

        source = self._source(X, Y, sample_weight, self._names.of_a_fit())
        n_threads = _threads.allowed(n_threads)
        settings = Settings.of_fit(
            self._model, epochs=epochs, batch_size=batch_size, shuffle=shuffle, l2=l2, l1=l1, dropout=dropout,
            clip_norm=clip_norm, label_smoothing=label_smoothing, patience=patience, tol=tol,
        )  # fmt: skip
        order = _orders.check(order, settings.epochs, source.m)
        rng = _validation.random_generator(seed)
        optimizer = optimizers.optimizer(optimizer)
        settings.check_optimizer(optimizer, source.m, checkpoint)
        watchers = _fit.watchers(self, source, validation_data, progress, callback, checkpoint, checkpoint_every)
        with _checkpoint.held(checkpoint):
            fit = _fit.Fit(source, optimizer, settings, watchers, order, rng, n_threads)
            advice = _advice.Advice(source, optimizer, settings.epochs, batch_size)
            advice.before()
            if settings.dropout is not None:  # drawn when nothing can be refused any more
                settings.dropout_seed = _random.draw_seed(rng)
            go_on(self, fit)
            advice.after(fit.history)
            return fit.history

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

        While a fit of this network runs in another thread, a copy is not a snapshot, and neither is what `save`,
        pickling or `params` gives: some parameters may be those of one step, others those of the next. Between two
        epochs, where the fit's `callback` is called, all are those of one step.

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
        # What the description leaves out: the attributes of a subclass or a user, and what a fit has left. Even a
        # shallow copy has an optimizer of its own, as it has parameters: the steps of one would move the other.
        left = copy.deepcopy({"optimizer": self._kept_optimizer, "history": self._history})
        description = _models.describe(self._model, self._names.known)
        return _rebuild, (type(self), description, self._params), {"added": self.__dict__, **left}

    def __getstate__(self) -> dict[str, Any]:
        # For libraries such as skops, which make objects by `__new__` and `__setstate__`, without `__reduce__`.
        _, (_, architecture, params), state = self.__reduce__()
        return {"architecture": architecture, "params": params, **state}

    def __setstate__(self, state: dict[str, Any]) -> None:
        # Cython's own, of Network, refuses, since it holds C pointers; `_rebuild` has set those already.
        if "architecture" in state:
            model, names = _models.described(state["architecture"])
            self._begin(model, np.array(state["params"], model.dtype), names)
            state = {name: state[name] for name in ("added", "optimizer", "history")}
        if state.keys() != {"added", "optimizer", "history"}:  # from an early version 0.1.0, which kept nothing else
            state = {"added": state, "optimizer": None, "history": None}
        self.__dict__.update(state["added"])
        self._kept_optimizer, self._history = state["optimizer"], state["history"]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the network to a file in the safetensors format, which `load` reads.

        Tensors ``layers.0.weight``, ``layers.0.bias``, …; the architecture in the metadata. The file appears whole or
        not at all, even if others write there, too. A file that is replaced hands on its mode and, where the system
        allows it, its owner; a link goes on pointing to the file. While a fit runs in another thread its parameters
        need not be those of one step, see `copy`.

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
        _models.write(path, self._model, self._params, self._names.known)


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
    return made(MLP, *_models.read(path))


def made(kind: type[AnyMLP], model: Model, params: Array, names: tuple[str, ...] | None) -> AnyMLP:
    """The network of these parameters, which are kept; a subclass's own __init__ may take other arguments."""
    net = kind.__new__(kind)
    net._begin(model, params, names)
    return net


def go_on(net: MLP, fit: _fit.Fit) -> None:
    """Run a fit of the network to its end, if it has not ended, with its history and the names of its columns."""
    before = net._history, net._names
    net._history = fit.history
    if fit.history.stopped:
        fit.take_best()  # the process may have died before it had done so itself
        return
    net._names = fit.source.names
    try:
        fit.run()
    except (TypeError, ValueError):
        if fit.is_refused:
            net._history, net._names = before
        raise


def go_on_together(nets: Sequence[MLP], fits: Sequence[_fit.Fit]) -> None:
    """Run the fits of several networks at once; those without `stopped` afterwards are as before, and are to be run."""
    from shallownet_c._fitting import _together

    before = [(net._history, net._names) for net in nets]
    for net, fit in zip(nets, fits, strict=True):
        net._history, net._names = fit.history, fit.source.names
    _together.run(fits)
    for net, fit, (history, names) in zip(nets, fits, before, strict=True):
        if not fit.history.stopped:
            net._history, net._names = history, names


def described(kind: type[AnyMLP], description: dict[str, Any]) -> AnyMLP:
    """A network of zeros, from what `_models.describe` has said of one."""
    model, names = _models.described(description)
    return made(kind, model, np.zeros(model.n_params, model.dtype), names)


def _rebuild(kind: type[AnyMLP], description: dict[str, Any], params: Array) -> AnyMLP:
    """A network from what `MLP.__reduce__` has given to pickle."""
    net = described(kind, description)
    net.params[:] = params
    return net
