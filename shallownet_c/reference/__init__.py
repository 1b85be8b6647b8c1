"""The network in the course notes' own steps, written twice for reading and for testing against.

`loop` goes over samples, units and inputs one by one in plain Python; `vectorized` does all samples at once with
NumPy. Both have the same functions, work in float64, change nothing that is passed in, and import nothing else of this
package.

Conventions
-----------
The notes stack samples as columns: X (n_0, m), and Z[l] = W[l] A[l-1] + b[l] (formula 3.15). Here samples are rows, X
(m, n_0), as everywhere in NumPy and scikit-learn, and the same equation reads Z[l] = A[l-1] W[l]ᵀ + b[l]. W[l] (n_l,
n_{l-1}) and b[l] are the notes' own.

Lists start at the first layer, so ``W[0]`` is the notes' W[1]; only A starts a step earlier, with ``A[0]`` = X, the
notes' a[0].
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shallownet_c.reference import loop, vectorized

__all__ = ["loop", "vectorized"]


def __dir__() -> list[str]:
    return sorted(__all__)


def __getattr__(name: str) -> Any:
    # The package needs the tables of activations and losses alone.
    if name in __all__:
        return importlib.import_module(f"shallownet_c.reference.{name}")
    raise AttributeError(f"module 'shallownet_c.reference' has no attribute {name!r}")
