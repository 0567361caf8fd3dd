/* main/limits.h: what the process asks of the system once, before its first thread. */
#pragma once

/** malloc thresholds, descriptors up to the hard limit, no core files, not traceable. */
void limits_apply(void);
