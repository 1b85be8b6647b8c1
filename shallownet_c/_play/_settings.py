"""What the page asks for: every setting is one of a list, `page/choices.json`, which the page reads too."""

import dataclasses
import json
import math
from importlib import resources
from typing import Any, Self

PAGE = resources.files("shallownet_c").joinpath("_play/page")
CHOICES: dict[str, Any] = json.loads(PAGE.joinpath("choices.json").read_text(encoding="utf-8"))
LIMITS: dict[str, int] = CHOICES["limits"]


class Refusal(Exception):
    """What is wrong with a request: a key of `page/words.json`, whose text has places for the values."""

    def __init__(self, code: str, **values: object) -> None:
        super().__init__(code, values)
        self.code = code
        self.values = values


@dataclasses.dataclass(frozen=True)
class Settings:
    """All that a training depends on, apart from the rows of a CSV file."""

    data: str
    noise: float
    points: int
    layers: tuple[tuple[int, str], ...]  # units and activation of each hidden layer
    rate: float
    init: str
    optimizer: str
    l2: float
    batch: int
    iterations: int
    seed: int
    compare: int
    added: tuple[tuple[float, float, int], ...]  # points that were set by hand: both coordinates and the class

    @classmethod
    def of(cls, state: object) -> Self:
        """The settings in a state of the page, or a Refusal that names the first that is none of its list."""
        if not isinstance(state, dict):
            raise Refusal("message")
        names = [field.name for field in dataclasses.fields(cls) if field.name not in ("layers", "added")]
        values = {name: _chosen(name, state.get(name)) for name in names}
        return cls(**values, layers=_layers(state.get("layers")), added=_added(state.get("added")))


def _chosen(name: str, value: object) -> Any:
    choices = CHOICES[name]
    # True is 1 for Python, and no number of the page's.
    if isinstance(value, bool) or not isinstance(value, (str, int, float)) or value not in choices:
        raise Refusal("setting", name=name, got=_brief(value), takes=", ".join(map(str, choices)))
    return value


def _layers(value: object) -> tuple[tuple[int, str], ...]:
    if not isinstance(value, list) or len(value) not in CHOICES["layers"]:
        raise Refusal("setting", name="layers", got=_brief(value), takes=f"0 – {max(CHOICES['layers'])}")
    pairs = [layer if isinstance(layer, list) and len(layer) == 2 else [None, None] for layer in value]
    return tuple((_chosen("units", units), _chosen("activation", activation)) for units, activation in pairs)


def _added(value: object) -> tuple[tuple[float, float, int], ...]:
    if not isinstance(value, list) or len(value) > LIMITS["added"]:
        raise Refusal("setting", name="added", got=_brief(value), takes=f"0 – {LIMITS['added']}")
    for point in value:
        if not (
            isinstance(point, list)
            and len(point) == 3
            and all(type(x) in (int, float) and math.isfinite(x) and abs(x) <= LIMITS["range"] for x in point[:2])
            and point[2] in (0, 1)
        ):
            raise Refusal("setting", name="added", got=_brief(point), takes="[x₁, x₂, 0 | 1]")
    return tuple((float(x1), float(x2), int(label)) for x1, x2, label in value)


def _brief(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:59] + "…"
