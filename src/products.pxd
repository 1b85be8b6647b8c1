"""The products of dense.pxd as functions that are compiled once a build; their bodies are in kernels.pyx."""

from real cimport real

cdef extern from "products.h" nogil:
    void layer_forward(const real* W, const real* b, Py_ssize_t first, Py_ssize_t last, Py_ssize_t n_out, Py_ssize_t n_in,
                       const real* A, Py_ssize_t vectors, real* Z)
    void layer_backward(const real* W, Py_ssize_t n_out, Py_ssize_t first, Py_ssize_t last, Py_ssize_t n_in, const real* dZ,
                        Py_ssize_t vectors, real* dA)
    void layer_gradient(const real* dZ, Py_ssize_t first, Py_ssize_t last, Py_ssize_t n_out, const real* F, Py_ssize_t n_in,
                        Py_ssize_t samples, bint add, real* dW)
