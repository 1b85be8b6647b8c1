"""What both versions refuse."""

import numpy as np

LOSSES = ("log_loss", "squared_error")


def check_loss(loss: str, output: str) -> None:
    """The loss must be known and go with the output's activation."""
    if loss not in LOSSES:
        raise ValueError(f"loss must be one of {LOSSES}, got {loss!r}")
    if (loss == "log_loss") != (output == "softmax") and output != "sigmoid":
        raise ValueError(
            f"log_loss goes with sigmoid and softmax, squared_error with all but softmax; got {loss} and {output}"
        )


def check_targets(Y: object, A_L: object) -> np.ndarray:
    """Y as an array of floats of the output's shape."""
    Y = np.array(Y, dtype=float)
    if Y.shape != np.shape(A_L):
        raise ValueError(f"Y must have the output's shape {np.shape(A_L)}, got {Y.shape}")
    return Y


def check_layer(W_l: np.ndarray, units: tuple[int, ...], units_below: tuple[int, ...]) -> None:
    """W[l] must have a row for each unit of its layer and a column for each of the layer below: broadcasting would let
    some mismatches pass, and plain loops would leave weights out."""
    if W_l.shape != units + units_below:
        raise ValueError(
            "a layer must have the shapes A[l-1] (m, n_below), W[l] (n, n_below), b[l] (n,) and Z[l] (m, n); "
            f"got W[l] {W_l.shape}, (n,) = {units} and (n_below,) = {units_below}"
        )
