# cython: boundscheck=False, wraparound=False, initializedcheck=False
"""One layer by itself, built once for all CPUs: a small layer takes less time than Python's checks of one."""

cimport numpy as cnp
from api cimport API_VERSION, NO_MEMORY, dense_t, kernels_t
from arrays cimport apart, is_contiguous, is_plain
from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_CheckExact
from cpython.pycapsule cimport PyCapsule_GetPointer

cnp.import_array()

cdef enum:
    SHORT = 100_000     # multiply-adds, a few microseconds: not worth giving up the GIL, nor a look for threads


cdef const kernels_t* kernels_of(object capsule, int itemsize) except NULL:
    """The build in a capsule, for elements of so many bytes; 0 for any."""
    cdef const kernels_t* kernels = <const kernels_t*>PyCapsule_GetPointer(capsule, "shallownet_c.kernels")
    if kernels.abi != API_VERSION or kernels.itemsize != itemsize != 0:
        raise ValueError(f"a build of boundary version {API_VERSION} for {itemsize}-byte elements is needed, got one of "
                         f"version {kernels.abi} for {kernels.itemsize} bytes")
    return kernels


cdef bint has_shape(object matrix, Py_ssize_t m, Py_ssize_t n):
    return cnp.PyArray_DIM(matrix, 0) == m and cnp.PyArray_DIM(matrix, 1) == n


cdef class DenseForward:
    """A = g(X W^T + b) by the chosen build where all arguments are plain; `general` gets all others, right and wrong ones.

    Parameters
    ----------
    float32, float64 : capsule "shallownet_c.kernels"
        The build's functions for each dtype.
    codes : dict
        Activations by name, `_kernels.ACTIVATIONS`.
    for_work : callable
        Multiply-adds -> number of threads.
    general : callable
        `dense_forward` with every check.
    """

    cdef const kernels_t* float32
    cdef const kernels_t* float64
    cdef dict codes
    cdef object for_work, general

    def __init__(self, float32, float64, dict codes not None, for_work, general):
        self.float32, self.float64 = kernels_of(float32, sizeof(float)), kernels_of(float64, sizeof(double))
        self.codes, self.for_work, self.general = codes, for_work, general

    def __call__(self, X, W, b, activation, out, leak):
        cdef cnp.npy_intp[2] shape
        cdef const kernels_t* kernels
        cdef dense_t call
        cdef int type_number, status
        cdef double work
        if not cnp.PyArray_CheckExact(X) or type(activation) is not str or not PyFloat_CheckExact(leak):
            return self.general(X, W, b, activation, out, leak)
        type_number = cnp.PyArray_TYPE(X)
        code = self.codes.get(activation)
        call.leak = PyFloat_AS_DOUBLE(leak)
        if (type_number != cnp.NPY_FLOAT32 and type_number != cnp.NPY_FLOAT64 or code is None or not 0 <= call.leak < 1
                or not is_plain(X, 2, type_number) or not is_plain(W, 2, type_number) or not is_plain(b, 1, type_number)):
            return self.general(X, W, b, activation, out, leak)
        call.m, call.n_out, call.n_in = cnp.PyArray_DIM(X, 0), cnp.PyArray_DIM(W, 0), cnp.PyArray_DIM(X, 1)
        shape[0], shape[1] = call.m, call.n_out
        if (call.n_in == 0 or call.n_out == 0 or cnp.PyArray_DIM(W, 1) != call.n_in
                or cnp.PyArray_DIM(b, 0) != call.n_out):
            return self.general(X, W, b, activation, out, leak)
        if out is None:
            out = cnp.PyArray_EMPTY(2, shape, type_number, 0)
        elif (not is_plain(out, 2, type_number) or not cnp.PyArray_ISWRITEABLE(out) or cnp.PyArray_DIM(out, 0) != shape[0]
                or cnp.PyArray_DIM(out, 1) != shape[1] or not apart(out, X) or not apart(out, W) or not apart(out, b)):
            return self.general(X, W, b, activation, out, leak)
        kernels = self.float32 if type_number == cnp.NPY_FLOAT32 else self.float64
        call.X, call.W, call.b, call.A = cnp.PyArray_DATA(X), cnp.PyArray_DATA(W), cnp.PyArray_DATA(b), cnp.PyArray_DATA(out)
        call.activation, call.n_threads = code, 1
        work = <double>call.m * call.n_in * call.n_out
        if work < SHORT:
            status = kernels.layer(&call)
        else:
            call.n_threads = self.for_work(work)
            with nogil:
                status = kernels.layer(&call)
        if status == NO_MEMORY:
            raise MemoryError("no memory for the workspace of a layer")
        return out


def dense_backward(capsule, arrays, outputs, int activation, double leak, int n_threads):
    """dZ = dA * g'(Z); dW (n_out, n_in) += dZ^T X, db (n_out,) += sum dZ, dX (m, n_in) = dZ W unless it is None

    Parameters
    ----------
    capsule : capsule "shallownet_c.kernels"
        Of the build for the arrays' dtype.
    arrays : tuple
        X (m, n_in), W (n_out, n_in), dA (m, n_out), and what g' is computed from, A or Z (m, n_out).
    outputs : tuple
        dW, db, and dX or None.
    """
    cdef const kernels_t* kernels = kernels_of(capsule, 0)
    cdef int type_number = cnp.NPY_FLOAT32 if kernels.itemsize == 4 else cnp.NPY_FLOAT64
    cdef dense_t call
    cdef int status
    X, W, dA, kept = arrays
    dW, db, dX = outputs
    for array, n_dim, written in ((X, 2, False), (W, 2, False), (dA, 2, False), (kept, 2, False), (dW, 2, True), (db, 1, True),
                                  (X if dX is None else dX, 2, dX is not None)):
        if not is_contiguous(array, n_dim, type_number) or (written and not cnp.PyArray_ISWRITEABLE(array)):
            raise ValueError("arrays must be C-contiguous, of the dtype of the kernels, and outputs writeable")
    call.m, call.n_in, call.n_out = cnp.PyArray_DIM(X, 0), cnp.PyArray_DIM(X, 1), cnp.PyArray_DIM(W, 0)
    if (not has_shape(W, call.n_out, call.n_in) or not has_shape(dW, call.n_out, call.n_in)
            or not has_shape(dA, call.m, call.n_out) or not has_shape(kept, call.m, call.n_out)
            or cnp.PyArray_DIM(db, 0) != call.n_out or (dX is not None and not has_shape(dX, call.m, call.n_in))):
        raise ValueError("the shapes of a layer's arrays must go together")
    call.X, call.W, call.dA, call.kept = cnp.PyArray_DATA(X), cnp.PyArray_DATA(W), cnp.PyArray_DATA(dA), cnp.PyArray_DATA(kept)
    call.dW, call.db, call.dX = cnp.PyArray_DATA(dW), cnp.PyArray_DATA(db), cnp.PyArray_DATA(dX) if dX is not None else NULL
    call.activation, call.leak, call.n_threads = activation, leak, n_threads
    with nogil:
        status = kernels.layer_backward(&call)
    if status == NO_MEMORY:
        raise MemoryError("no memory for the workspace of a layer")
