"""`shallownet-c play`: a local page on which the notes' network is trained anew after each change."""
