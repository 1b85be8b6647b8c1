"""One thread for NumPy's BLAS, which reads this once, when NumPy is imported."""

import os

for _library in ("OMP", "OPENBLAS", "MKL", "VECLIB_MAXIMUM"):
    os.environ[f"{_library}_NUM_THREADS"] = "1"
