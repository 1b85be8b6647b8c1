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
