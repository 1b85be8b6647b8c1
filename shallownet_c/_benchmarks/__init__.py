"""`shallownet-c bench`: ways of training one network, and other libraries."""
