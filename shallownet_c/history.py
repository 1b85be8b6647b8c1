"""What `fit` reports."""

from dataclasses import dataclass, field


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

    def __repr__(self) -> str:
        last = f"{self.cost[-1]:.6g}" if self.cost else "none"
        return (
            f"History(n_epochs={self.n_epochs}, cost[-1]={last}, stopped={self.stopped!r}, seconds={self.seconds:.3g})"
        )
