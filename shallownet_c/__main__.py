"""`python -m shallownet_c` is the command `shallownet-c`."""

import sys

from shallownet_c.cli import main

sys.exit(main())
