"""The application: how the parts are joined, set and started."""

import gc

GC_THRESHOLD = 20_000  # what is loaded at start stays, and what turns make dies young: there is little to look for

gc.set_threshold(GC_THRESHOLD, 20, 20)
