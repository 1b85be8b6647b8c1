"""One build of the kernels: the table of its functions, in a capsule that core.pyx opens."""

from cpython.pycapsule cimport PyCapsule_New

from api cimport API_VERSION, kernels_t
from autotune cimport RECORDS, record_fields, record_t, records
from finite cimport first_nonfinite
from input_derivatives cimport derivatives
from layers cimport dense_backward, dense_forward, output_gradient
from packed cimport pack, packed_row
from prediction cimport predict_rows
from real cimport LANES, VECTOR_BYTES, real
from row cimport row
from threads cimport in_team, threads_allowed
from together cimport how_many_together, train_together
from training cimport cost_and_grad, gradient, one_step, train

include "once.pxi"


cdef kernels_t table

table.abi, table.itemsize, table.lanes, table.vector_bytes = API_VERSION, sizeof(real), LANES, VECTOR_BYTES
table.max_threads = threads_allowed
table.team = in_team
table.row = row
table.pack = pack
table.packed_row = packed_row
table.predict = predict_rows
table.gradient = gradient
table.cost_and_grad = cost_and_grad
table.train = train
table.how_many_together = how_many_together
table.train_together = train_together
table.step = one_step
table.output_gradient = output_gradient
table.input_derivatives = derivatives
table.layer = dense_forward
table.layer_backward = dense_backward
table.first_nonfinite = first_nonfinite
table.records, table.record_rows = <double*>records, RECORDS
table.record_fields, table.record_names = sizeof(record_t) // sizeof(double), record_fields

capsule = PyCapsule_New(&table, "shallownet_c.kernels", NULL)
