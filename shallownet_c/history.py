"""What `fit` reports."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn

from shallownet_c._checks import _other_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass
class History:
    """The course of one call of `MLP.fit`.

    Attributes
    ----------
    cost : list of float
        For each epoch the mean over its rows of the cost as each batch saw it, before its update: with the full batch,
        J of the parameters that the epoch began with. Penalties are left out.
    val_cost : list of float
        For each epoch the cost on validation data; empty where there are none.
    n_epochs : int
        Epochs done.
    stopped : str
        Why it ended: "epochs" when all were done, "patience", "callback", "diverged", "interrupted" by Ctrl-C or, in
        `fit_many`, by an error in the fit of another network, "error" after any other exception, such as one of a
        caller's function; for LBFGS also "converged", "max_fun" or "line_search", where SciPy finds no better point.
        Empty while it goes on.
    seconds : float
        Wall-clock time.
    """

    cost: list[float] = field(default_factory=list)
    val_cost: list[float] = field(default_factory=list)
    n_epochs: int = 0
    stopped: str = ""
    seconds: float = 0.0

    if not TYPE_CHECKING:  # a type checker would take any attribute for one of these

        def __getattr__(self, name: str) -> NoReturn:
            is_net = name in _other_names.OF_NETWORKS
            of_net = f": fit returns the course of the training, and the network that was fitted has {name}"
            raise AttributeError(
                f"'History' object has no attribute {name!r}{of_net if is_net else ''}", name=name, obj=self
            )

    def __repr__(self) -> str:
        last = f"{self.cost[-1]:.6g}" if self.cost else "none"
        return (
            f"History(n_epochs={self.n_epochs}, cost[-1]={last}, stopped={self.stopped!r}, seconds={self.seconds:.3g})"
        )

    def _repr_html_(self) -> str:
        """What notebooks show: the figures, and the curves of the costs."""
        from shallownet_c import _pictures

        return _pictures.of_history(self.cost, self.val_cost, self.stopped, self.seconds)

    def plot(self, ax: Axes | None = None, *, label: str | None = None) -> Axes:
        """The cost of each epoch, and that on validation data, as a picture: see `shallownet_c.plot.cost`.

        Parameters
        ----------
        ax, label
            As there.

        Returns
        -------
        matplotlib Axes

        Raises
        ------
        ValueError, TypeError, ImportError
            As there.

        Examples
        --------
        >>> import shallownet_c as sn
        >>> X, y = sn.datasets.make_flower(400, seed=1)
        >>> history = sn.MLP([2, 4, 1], output="sigmoid", seed=0).fit(X, y, epochs=100)
        >>> history.plot().get_xlabel()
        'epoch'
        """
        from shallownet_c.plot import cost

        return cost(self, ax, label=label)
