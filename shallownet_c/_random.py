"""The states of sources of random numbers: taken, put back, and described for a file."""

from __future__ import annotations  # evaluated, the annotations would import numpy.random

from typing import Any

import numpy as np


def state(rng: np.random.Generator | np.random.RandomState) -> dict[str, Any]:
    """The state of the source."""
    return rng.get_state(legacy=False) if isinstance(rng, np.random.RandomState) else dict(rng.bit_generator.state)


def restore(rng: np.random.Generator | np.random.RandomState, state: dict[str, Any]) -> None:
    """Put the source back into a state that `state` has returned."""
    if isinstance(rng, np.random.RandomState):
        rng.set_state(state)
    else:
        rng.bit_generator.state = state


def describe(rng: np.random.Generator | np.random.RandomState) -> dict[str, Any]:
    """Its kind and its state, fit for JSON."""
    kind = "RandomState" if isinstance(rng, np.random.RandomState) else "Generator"
    return {"kind": kind, "state": _plain(state(rng))}


def described(values: dict[str, Any]) -> np.random.Generator | np.random.RandomState:
    """A source in the state that `describe` has described."""
    bits = getattr(np.random, values["state"]["bit_generator"])()
    rng = np.random.RandomState(bits) if values["kind"] == "RandomState" else np.random.Generator(bits)
    restore(rng, values["state"])
    return rng


def draw_seed(rng: np.random.Generator | np.random.RandomState) -> int:
    """A number of 32 bits, drawn from the source."""
    if isinstance(rng, np.random.RandomState):
        return int(rng.randint(2**32, dtype=np.uint64))
    return int(rng.integers(2**32))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value.tolist() if isinstance(value, np.ndarray) else value
