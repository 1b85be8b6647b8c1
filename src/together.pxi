# Trainings of several networks at once, included by core.pyx.

cdef enum:
    MAX_TOGETHER = 16   # lanes of the widest vector


def how_many_together(Network net not None, Py_ssize_t batch_size):
    """How many networks like this one `train_together` takes, in batches of so many rows; 1 where it would not be faster"""
    initialised(net)
    return net.table.how_many_together(&net.model, batch_size)


def train_together(nets not None, rows not None, rules not None, Run run not None, orders not None,
                   const double[::1] rates not None, double[:, ::1] costs not None):
    """`train` of several networks at once, which differ in their parameters, rows and orders alone: nets[i] with rows[i],
    rules[i], orders[i] and costs[i], costs (n, epochs)

    False, and nothing is done, where the kernels do not take them together. Costs that are not finite end nothing.
    """
    cdef fit_t[MAX_TOGETHER] fits
    cdef rows_t[MAX_TOGETHER] data
    cdef run_t how = run.run
    cdef tuple all_nets = tuple(nets), all_rows = tuple(rows), all_rules = tuple(rules), all_orders = tuple(orders)
    cdef Py_ssize_t n = len(all_nets), i
    cdef const int64_t[:, ::1] order
    cdef Network net
    cdef Rows of_net
    cdef Rule rule
    cdef int code
    expect(0 < n <= MAX_TOGETHER and len(all_rows) == len(all_rules) == len(all_orders) == costs.shape[0] == n
           and costs.shape[1] == rates.shape[0], "each network has rows, a rule, an order and costs; no vector has more lanes")
    how.epochs, how.rates, how.stop = rates.shape[0], &rates[0] if rates.shape[0] > 0 else NULL, flag_of(run.stop)
    for i in range(n):
        net, of_net, rule, order = all_nets[i], all_rows[i], all_rules[i], all_orders[i]
        can_train(net, of_net, rule, run, order, rates.shape[0])
        expect(net.table == (<Network>all_nets[0]).table, "the networks must have one dtype")
        data[i] = of_net.rows
        if order is not None and of_net.rows.taken > 0 and rates.shape[0] > 0:
            data[i].order, data[i].stride = &order[0, 0], of_net.rows.taken
        fits[i].net, fits[i].data, fits[i].rule = &net.model, &data[i], &rule.rule
        fits[i].cost = &costs[i, 0] if rates.shape[0] > 0 else NULL
    if how.epochs == 0 or data[0].taken == 0:
        return True
    net = all_nets[0]
    with nogil:
        code = net.table.train_together(fits, n, &how)
    passed(code, "a training run")
    return code != UNFIT_DATA
