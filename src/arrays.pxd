"""Checks of arrays for the modules that take them without memoryviews."""

cimport numpy as cnp


cdef inline bint is_contiguous(object array, int n_dim, int type_number):
    """Whether array is an ndarray of C-contiguous, aligned, native elements of that type, in so many dimensions."""
    return (cnp.PyArray_Check(array) and cnp.PyArray_NDIM(array) == n_dim and cnp.PyArray_TYPE(array) == type_number
            and cnp.PyArray_ISCARRAY_RO(array))


cdef inline bint is_plain(object array, int n_dim, int type_number):
    """`is_contiguous`, and of no subclass, which may have a mask."""
    return cnp.PyArray_CheckExact(array) and is_contiguous(array, n_dim, type_number)


cdef inline bint apart(object a, object b):
    """Whether two contiguous arrays share no memory."""
    cdef char* at = <char*>cnp.PyArray_DATA(a)
    cdef char* other = <char*>cnp.PyArray_DATA(b)
    return at + cnp.PyArray_NBYTES(a) <= other or other + cnp.PyArray_NBYTES(b) <= at
