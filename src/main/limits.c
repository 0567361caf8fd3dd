/* main/limits.c: see limits.h. */
#include "main/limits.h"

#include "base/log.h"
#include "base/mem.h"

#include <sys/prctl.h>
#include <sys/resource.h>

void limits_apply(void)
{
    mem_tune();
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &files) != 0)
            log_warn("descriptor_limit_kept", "soft=%llu", (unsigned long long)files.rlim_cur);
    }
    /* T12: keys must reach no core file and no tracer. */
    (void)setrlimit(RLIMIT_CORE, &(struct rlimit){0});
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}
