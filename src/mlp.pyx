# cython: boundscheck=False, wraparound=False, initializedcheck=False
"""The compiled base of MLP, built once for all CPUs: the parameters, and the call on one row.

A call on a (n_0,) array goes from NumPy's C API straight to the row kernel of the chosen build; typed memoryviews would cost
several times the arithmetic of a small network.
"""

cimport numpy as cnp
from arrays cimport apart
from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.stdlib cimport free, malloc

cnp.import_array()

ctypedef void (*row_kernel)(Py_ssize_t, const Py_ssize_t*, const int*, double, const void*, const void*, void*,
                            void*) noexcept nogil
ctypedef int (*gradient_kernel)(Py_ssize_t, const Py_ssize_t*, const int*, double, int, double, const void*, Py_ssize_t,
                                const void*, const void*, Py_ssize_t, void*, int, double*) noexcept nogil


cdef inline bint is_row(object array, Py_ssize_t n, int type_number):
    """Whether array is a C-contiguous, aligned, native (n,) array of that type, and of no subclass, which may have a mask."""
    return (cnp.PyArray_CheckExact(array) and cnp.PyArray_NDIM(array) == 1 and cnp.PyArray_DIM(array, 0) == n
            and cnp.PyArray_TYPE(array) == type_number and cnp.PyArray_ISCARRAY_RO(array))


cdef inline bint is_matrix(object array, Py_ssize_t n, int type_number):
    """Whether array is a C-contiguous, aligned, native (m, n) array of that type, m > 0."""
    return (cnp.PyArray_CheckExact(array) and cnp.PyArray_NDIM(array) == 2 and cnp.PyArray_DIM(array, 1) == n
            and cnp.PyArray_DIM(array, 0) > 0 and cnp.PyArray_TYPE(array) == type_number
            and cnp.PyArray_ISCARRAY_RO(array))


cdef int passed(int code) except -1:
    """Raises the Python error that a kernel has left."""
    return code


cdef class Network:
    """Parameters (P,) of a network in one array, and `net(x)`.

    Parameters
    ----------
    params : ndarray (P,), float32 or float64
        W[1] (n_1, n_0) row by row, b[1] (n_1,), W[2], ...; kept, not copied.
    sizes : ndarray (L + 1,), intp
        n_0, ..., n_L.
    activations : ndarray (L,), intc
        The codes of `_kernels.ACTIVATIONS`.
    leak : float
        Slope of leaky ReLU for z < 0.
    kernels : module
        The build's functions for the dtype of params.

    Raises
    ------
    TypeError
        If it is called for an object that is a network already: its memory may be in use by another thread.
    """

    cdef readonly cnp.ndarray _params
    cdef readonly cnp.ndarray _sizes
    cdef readonly cnp.ndarray _activation_codes
    cdef readonly double _leak
    cdef readonly object _kernels
    cdef row_kernel row
    cdef gradient_kernel gradient
    cdef Py_ssize_t layers, n_in, n_out
    cdef int type_number
    cdef void* scratch

    def __init__(self, cnp.ndarray params not None, cnp.ndarray sizes not None, cnp.ndarray activations not None,
                 double leak, kernels):
        cdef Py_ssize_t layers = activations.shape[0], P = 0, widest = 0, l
        cdef const Py_ssize_t[::1] n = sizes
        cdef const int[::1] _codes = activations    # for its check of the dtype
        cdef void* scratch
        if self.scratch != NULL:
            raise TypeError(f"{type(self).__name__}.__init__ can be called only once for each object: make a new one")
        if layers < 1 or n.shape[0] != layers + 1:
            raise ValueError(f"sizes has {n.shape[0]} elements, activations {layers}: needs one more than that, and a layer")
        for l in range(1, layers + 1):
            P += n[l] * (n[l - 1] + 1)
            widest = max(widest, n[l])
        if params.ndim != 1 or params.shape[0] != P or not cnp.PyArray_ISCARRAY(params):
            raise ValueError(f"params must be a writeable, contiguous array of shape ({P},), got {(<object>params).shape}")
        if params.descr.itemsize != kernels.itemsize:
            raise TypeError(f"params of {params.dtype} for kernels of {kernels.itemsize}-byte elements")
        scratch = malloc(2 * widest * params.descr.itemsize)
        if scratch == NULL:
            raise MemoryError("no memory for the workspace of one row")
        self.scratch = scratch
        self._params, self._sizes, self._activation_codes = params, sizes, activations
        self._leak, self._kernels = leak, kernels
        self.row = <row_kernel>PyCapsule_GetPointer(kernels.row_function, "shallownet_c.row")
        self.gradient = <gradient_kernel>PyCapsule_GetPointer(kernels.gradient_function, "shallownet_c.gradient")
        self.layers, self.n_in, self.n_out = layers, n[0], n[layers]
        self.type_number = cnp.PyArray_TYPE(params)

    def __dealloc__(self):
        free(self.scratch)

    def __call__(self, X, out=None):
        """A[L] for the rows of X (m, n_0), shape (m, n_L), or for one sample X (n_0,), shape (n_L,); see `predict`."""
        if self.scratch == NULL or not is_row(X, self.n_in, self.type_number):
            return self._predict(X, out)
        if out is None:
            out = cnp.PyArray_EMPTY(1, <cnp.npy_intp*>&self.n_out, self.type_number, 0)
        elif (not is_row(out, self.n_out, self.type_number) or not cnp.PyArray_ISWRITEABLE(out)
                or not apart(out, self._params)):
            return self._predict(X, out)
        self.row(self.layers, <const Py_ssize_t*>cnp.PyArray_DATA(self._sizes),
                 <const int*>cnp.PyArray_DATA(self._activation_codes), self._leak, cnp.PyArray_DATA(self._params),
                 cnp.PyArray_DATA(X), cnp.PyArray_DATA(out), self.scratch)
        return out

    def _plain_cost_and_grad(self, X, Y, int loss, double loss_parameter, int n_threads):
        """(J, its gradient (P,)) where X (m, n_0) and Y (m, n_L) are plain arrays that the loss takes; otherwise None.

        Not for softmax, whose Y has more to be checked.
        """
        cdef const Py_ssize_t* sizes
        cdef const int* activations
        cdef const void* params
        cdef const void* x
        cdef const void* y
        cdef void* g
        cdef cnp.npy_intp P
        cdef Py_ssize_t m
        cdef double J = 0
        cdef int code
        if (self.scratch == NULL or not is_matrix(X, self.n_in, self.type_number)
                or not is_matrix(Y, self.n_out, self.type_number)
                or cnp.PyArray_DIM(X, 0) != cnp.PyArray_DIM(Y, 0)):
            return None
        sizes = <const Py_ssize_t*>cnp.PyArray_DATA(self._sizes)
        activations = <const int*>cnp.PyArray_DATA(self._activation_codes)
        params, P = cnp.PyArray_DATA(self._params), cnp.PyArray_DIM(self._params, 0)
        grad = cnp.PyArray_EMPTY(1, &P, self.type_number, 0)
        m, x, y, g = cnp.PyArray_DIM(X, 0), cnp.PyArray_DATA(X), cnp.PyArray_DATA(Y), cnp.PyArray_DATA(grad)
        with nogil:
            code = self.gradient(self.layers, sizes, activations, self._leak, loss, loss_parameter, params, P, x, y, m, g,
                                 n_threads, &J)
        if passed(code) == -2:
            raise MemoryError("no memory for the workspace of a gradient")
        return (J, grad) if code == 1 else None
