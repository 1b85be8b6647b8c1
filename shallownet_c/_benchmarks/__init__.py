"""`shallownet-c bench`: ways of training one network, and other libraries."""

#: The parts of `shallownet-c bench --peers`, in their order; `--only` names some of them.
PARTS = ("training", "higgs", "gradients", "predictions", "layers", "sparse", "threads", "growth")
