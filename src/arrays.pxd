"""What the modules that take arrays without memoryviews ask about them."""

cimport numpy as cnp


cdef inline bint apart(object a, object b):
    """Whether two contiguous arrays share no memory."""
    cdef char* at = <char*>cnp.PyArray_DATA(a)
    cdef char* other = <char*>cnp.PyArray_DATA(b)
    return at + cnp.PyArray_NBYTES(a) <= other or other + cnp.PyArray_NBYTES(b) <= at
