"""All tolerances of the tests, each with where it comes from. eps is the dtype's unit of relative rounding."""

import numpy as np

#: exp, tanh, sigmoid: three or four roundings after a polynomial exact to a quarter of a unit in the last place.
ACTIVATION_ULP = 3.0

#: log-loss from Z: exp, log1p, a product and a sum, each good to 1 to 2 units in the last place; no cancellation.
LOSS_ULP = 8.0

#: log cosh: log1p of a polynomial or of exp, each good to 1 to 2 units in the last place, and no cancellation.
LOG_COSH_ULP = 4.0


def sums(dtype: object, length: int) -> float:
    """Relative to the sum of magnitudes: a sum of `length` products in any order errs by at most length · eps (Higham,
    Accuracy and Stability, §3.1), in practice by its root; 8 leaves room for the activations between."""
    return 8 * float(np.finfo(dtype).eps) * np.sqrt(length)


def network(dtype: object, sizes: tuple[int, ...], m: int = 1) -> float:
    """Relative to the greatest value: each layer adds the error of its sums (and of sums over m samples, for gradients)
    and passes on, at most a few times enlarged, that of the layers before it."""
    return sum(4 * sums(dtype, n) for n in sizes) + sums(dtype, m)


def training(dtype: object, sizes: tuple[int, ...], m: int, steps: int) -> float:
    """Descent neither forgets an error nor, over few steps, blows it up: one gradient's error a step."""
    return steps * network(dtype, sizes, m)


#: Central differences in float64 with step h = 1e-5: truncation h² |f'''| / 6 ≈ 2e-11 and rounding eps / h ≈ 2e-11, for
#: f of order 1 with derivatives up to the third of order at most 100.
CENTRAL_DIFFERENCE = 1e-8

#: The reference's functions of one number: a few operations of half a unit each, and exp, log and their kind of the C
#: library and of NumPy, which are right to 1 to 4 units in the last place. Counted in eps of the value, and of what a
#: rounding of its argument makes of it.
REFERENCE_ROUNDINGS = 8

#: What ONNX Runtime and onnx.reference compute of our networks, relative to the greatest value of the output. In
#: float32 their functions are approximations good to some 3 eps, ours to `ACTIVATION_ULP`, and five layers add such
#: errors. In float64 it is an eps or two for each operation; the bound leaves room for libraries of lesser care.
ONNX = {"float32": 2e-6, "float64": 1e-12}
