"""How a network is trained on a table where the user has not said it: by the number of rows."""

import dataclasses
import math

#: Bounds of the rows of a step, of the epochs, and of how many of these may pass without a better validation cost.
BATCHES, EPOCHS, PATIENCES = (16, 1024), (20, 300), (5, 75)
#: Steps of a training that no early stopping ends, which are enough for most tables.
STEPS = 12_000
#: The first learning rate of Adam, which falls to 0 over the epochs: thrice its usual rate, which does not fall.
ADAM_RATE = 3e-3


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
        patience = _within(PATIENCES, epochs // 4)
    return Length(batch_size, epochs, patience)


def _within(bounds: tuple[int, int], number: int) -> int:
    return min(max(number, bounds[0]), bounds[1])
