"""`Predictor`: one row through a network in the least time, from Python and from C."""

from libc.stdint cimport uintptr_t
from libc.string cimport memcpy, memset

cdef enum:
    VECTOR = 64         # bytes, the most of any CPU level


cdef void call_from_c(const void* p, const void* x, void* y) noexcept nogil:
    """y (n_L,) = A[L] of x (n_0,); NaN where there is no memory for a wide layer"""
    cdef const caller_t* caller = <const caller_t*>p
    if caller.row(caller.net, x, y) != 0:
        memset(y, 0xFF, caller.n_out * caller.itemsize)


cdef double call_double(int n, double* x, void* p) noexcept nogil:
    """The output of a network of one output for x (n,); NaN unless n is n_0 and at most CONVERTED"""
    cdef const caller_t* caller = <const caller_t*>p
    cdef float[CONVERTED] converted_x
    cdef float as_float
    cdef double as_double
    cdef int k
    if n != caller.n_in or n > CONVERTED:
        memset(&as_double, 0xFF, sizeof(double))
        return as_double
    if caller.itemsize == sizeof(double):
        call_from_c(p, x, &as_double)
        return as_double
    for k in range(n):
        converted_x[k] = <float>x[k]
    call_from_c(p, converted_x, &as_float)
    return as_float


cdef class Predictor(Network):
    """A network that is called in less time, and from C.

    Parameters
    ----------
    frozen : bool
        Whether the parameters are copied, in the order in which they are read; otherwise changes of params are seen.
    kernels, params, sizes, activations, leak, loss, loss_parameter
        As for `Network`.
    """

    cdef model_t packed
    cdef void* memory

    def __init__(self, bint frozen, Kernels kernels not None, cnp.ndarray params not None, const Py_ssize_t[::1] sizes,
                 const int[::1] activations, double leak, int loss, double loss_parameter):
        cdef size_t size
        Network.__init__(self, kernels, params, sizes, activations, leak, loss, loss_parameter)
        self.gives_float = self.n_out == 1
        if not frozen:
            return
        size = self.table.pack(&self.model, NULL) * kernels.itemsize
        self.memory = malloc(size + VECTOR)
        if self.memory == NULL:
            raise MemoryError("no memory for the parameters of a predictor")
        self.packed = self.model
        self.packed.params = <void*>((<uintptr_t>self.memory + VECTOR - 1) // VECTOR * VECTOR)
        self.table.pack(&self.model, self.packed.params)
        self.caller.row, self.caller.net = self.table.packed_row, &self.packed

    def __dealloc__(self):
        free(self.memory)

    @property
    def address(self):
        """The address of the struct that C callers pass as p; it is there as long as the predictor."""
        initialised(self)
        return <uintptr_t>&self.caller

    @property
    def _functions(self):
        """Addresses of void (const void *p, const T *x, T *y), and of double (int n, double *x, void *p) for one output"""
        return <uintptr_t>&call_from_c, <uintptr_t>&call_double


cdef Network probe = Network.__new__(Network)
vectorcall_offset = <char*>&probe.vectorcall - <char*><PyObject*>probe
let_vectorcall(Network)
let_vectorcall(Predictor)
