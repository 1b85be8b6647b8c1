# cython: boundscheck=False, wraparound=False, initializedcheck=False
"""`dense_forward` for plain arrays, built once for all CPUs: a small layer takes less time than Python's checks of one."""

cimport numpy as cnp
from arrays cimport apart
from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_CheckExact
from cpython.pycapsule cimport PyCapsule_GetPointer

cnp.import_array()

ctypedef bint (*layer_kernel)(const void*, Py_ssize_t, Py_ssize_t, const void*, Py_ssize_t, const void*, int, double, void*,
                              int) noexcept nogil

cdef enum:
    SHORT = 100_000     # multiply-adds, a few microseconds: not worth giving up the GIL, nor a look for threads


cdef inline bint is_plain(object array, int n_dim, int type_number):
    """Whether array is an ndarray of C-contiguous, aligned, native elements of that type, in so many dimensions."""
    return (cnp.PyArray_CheckExact(array) and cnp.PyArray_NDIM(array) == n_dim and cnp.PyArray_TYPE(array) == type_number
            and cnp.PyArray_ISCARRAY_RO(array))


cdef class DenseForward:
    """A = g(X W^T + b) by the chosen build where all arguments are plain; `general` gets all others, right and wrong ones.

    Parameters
    ----------
    float32, float64 : module
        The build's functions for each dtype.
    codes : dict
        Activations by name, `_kernels.ACTIVATIONS`.
    for_work : callable
        Multiply-adds -> number of threads.
    general : callable
        `dense_forward` with every check.
    """

    cdef layer_kernel float32, float64
    cdef dict codes
    cdef object for_work, general

    def __init__(self, float32, float64, dict codes not None, for_work, general):
        self.float32 = <layer_kernel>PyCapsule_GetPointer(float32.layer_function, "shallownet_c.layer")
        self.float64 = <layer_kernel>PyCapsule_GetPointer(float64.layer_function, "shallownet_c.layer")
        self.codes, self.for_work, self.general = codes, for_work, general

    def __call__(self, X, W, b, activation, out, leak):
        cdef cnp.npy_intp[2] shape
        cdef Py_ssize_t n_in
        cdef void* x
        cdef void* w
        cdef void* bias
        cdef void* to
        cdef int type_number, n_threads, g
        cdef layer_kernel kernel
        cdef double slope
        cdef bint done
        if not cnp.PyArray_CheckExact(X) or type(activation) is not str or not PyFloat_CheckExact(leak):
            return self.general(X, W, b, activation, out, leak)
        type_number = cnp.PyArray_TYPE(X)
        code = self.codes.get(activation)
        slope = PyFloat_AS_DOUBLE(leak)
        if (type_number != cnp.NPY_FLOAT32 and type_number != cnp.NPY_FLOAT64 or code is None or not 0 <= slope < 1
                or not is_plain(X, 2, type_number) or not is_plain(W, 2, type_number) or not is_plain(b, 1, type_number)):
            return self.general(X, W, b, activation, out, leak)
        shape[0], shape[1], n_in = cnp.PyArray_DIM(X, 0), cnp.PyArray_DIM(W, 0), cnp.PyArray_DIM(X, 1)
        if n_in == 0 or shape[1] == 0 or cnp.PyArray_DIM(W, 1) != n_in or cnp.PyArray_DIM(b, 0) != shape[1]:
            return self.general(X, W, b, activation, out, leak)
        if out is None:
            out = cnp.PyArray_EMPTY(2, shape, type_number, 0)
        elif (not is_plain(out, 2, type_number) or not cnp.PyArray_ISWRITEABLE(out) or cnp.PyArray_DIM(out, 0) != shape[0]
                or cnp.PyArray_DIM(out, 1) != shape[1] or not apart(out, X) or not apart(out, W) or not apart(out, b)):
            return self.general(X, W, b, activation, out, leak)
        kernel = self.float32 if type_number == cnp.NPY_FLOAT32 else self.float64
        x, w, bias, to = cnp.PyArray_DATA(X), cnp.PyArray_DATA(W), cnp.PyArray_DATA(b), cnp.PyArray_DATA(out)
        g = code
        if <double>shape[0] * n_in * shape[1] < SHORT:
            done = kernel(x, shape[0], n_in, w, shape[1], bias, g, slope, to, 1)
        else:
            n_threads = self.for_work(shape[0] * n_in * shape[1])
            with nogil:
                done = kernel(x, shape[0], n_in, w, shape[1], bias, g, slope, to, n_threads)
        if not done:
            raise MemoryError("no memory for the workspace of a layer")
        return out
