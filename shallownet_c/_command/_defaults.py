"""How a network is trained on a table where the user has not said it: by the number of rows."""

import dataclasses
import math

#: Bounds of the rows of a step, of the epochs, and of how many of these may pass without a better validation cost.
BATCHES, EPOCHS, PATIENCES = (16, 1024), (30, 1000), (5, 50)
#: Steps that are enough for most tables, and after which early stopping has mostly ended the training.
STEPS = 20_000


@dataclasses.dataclass(frozen=True)
class Length:
    """Rows of a step, epochs at most, and epochs without improvement that end the training, 0 for never."""

    batch_size: int
    epochs: int
    patience: int


def length(rows: int, batch_size: int | None, epochs: int | None, patience: int | None) -> Length:
    """For so many rows to learn from; what is given stays.

    The batch is the power of 2 nearest to the square root of the rows: a small table needs many steps an epoch, and a
    large one large steps, since each row of them costs less.
    """
    if batch_size is None:
        batch_size = _within(BATCHES, 2 ** round(math.log2(math.sqrt(rows))))
    if epochs is None:
        epochs = _within(EPOCHS, STEPS // math.ceil(rows / batch_size))
    if patience is None:
        patience = _within(PATIENCES, epochs // 10)
    return Length(batch_size, epochs, patience)


def _within(bounds: tuple[int, int], number: int) -> int:
    return min(max(number, bounds[0]), bounds[1])
