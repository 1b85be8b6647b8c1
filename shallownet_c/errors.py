"""The package's own exceptions and warnings."""


class FitWarning(UserWarning):
    """A fit that is likely to be a bad one, although every argument is valid; `MLP.fit` warns, once at most.

    `cross_validate` and `search` warn of fits that have diverged.

    ``warnings.simplefilter("ignore", sn.FitWarning)`` silences it. With ``"error"`` it is an exception, raised before
    anything has changed, or after the fit if that has come to nothing.
    """


class DivergenceError(ArithmeticError):
    """A fit whose cost, or a parameter, is no longer a finite number; `MLP.fit` raises it.

    The network has the parameters back that it had at the start of the last epoch whose cost was finite, or before the
    fit.

    Attributes
    ----------
    epoch : int
        The epoch, counted from 0, in which it happened.
    step : int
        Steps that the optimizer had done by then.
    last_cost : float or None
        The last epoch's cost that was finite.
    """

    def __init__(self, epoch: int, step: int, last_cost: float | None) -> None:
        super().__init__(epoch, step, last_cost)
        self.epoch, self.step, self.last_cost = epoch, step, last_cost

    def __str__(self) -> str:
        last = "the first one" if self.last_cost is None else f"after a cost of {self.last_cost:.6g}"
        return (
            f"the cost is not finite in epoch {self.epoch} (step {self.step}), {last}: "
            f"try a smaller learning_rate, clip_norm, or columns of X scaled to about 1"
        )
