/* What of Python's C API the call of a network needs and Cython does not declare, and a network as callers from C know it. */
#ifndef SHALLOWNET_C_CALLS_H
#define SHALLOWNET_C_CALLS_H

#include <Python.h>

#include "api.h"

typedef PyObject *const *arguments_t;

/* What `address` points to. */
typedef struct {
    int (*row)(const model_t *, const void *x, void *out);
    const model_t *net;
    Py_ssize_t n_in, n_out;
    int itemsize;
} caller_t;

/* Whether objects of self's type are called as those of that type are, by its __call__. */
static inline int is_called_by(PyObject *self, PyObject *base) {
    return Py_TYPE(self)->tp_call == ((PyTypeObject *)base)->tp_call;
}

/* Calls of the type's objects go to the function that they have at the offset, unless the type has a __call__ other than base's.
 * Python 3.12 and later inherit that from base; 3.11 does so for no class that is written in Python. */
static inline void let_type_vectorcall(PyObject *type, PyObject *base, Py_ssize_t offset) {
    PyTypeObject *const of = (PyTypeObject *)type;
    if (of->tp_call != ((PyTypeObject *)base)->tp_call)
        return;
    of->tp_vectorcall_offset = offset;
    of->tp_flags |= Py_TPFLAGS_HAVE_VECTORCALL;
    PyType_Modified(of);
}

static inline PyObject *call_by_type(PyObject *self, PyObject *arguments, PyObject *more) {
    return Py_TYPE(self)->tp_call(self, arguments, more);
}

#endif
