/* worker/vram.c: see vram.h. */
#include "worker/vram.h"

#include "base/mem.h"
#include "worker/process.h"

#include <signal.h>

#define NS_PER_MS INT64_C(1000000)
#define MIB       (1024 * 1024)

static const struct tool {
    const char *argv[5];
    int64_t (*read)(struct str text);
} tools[] = {
    {{"nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits"}, vram_of_nvidia},
    {{"rocm-smi", "--showmeminfo", "vram"}, vram_of_rocm},
};
#define TOOL_COUNT (sizeof tools / sizeof tools[0])

struct vram {
    struct loop *loop;
    void (*on_known)(void *owner, int64_t vram_mb);
    void *owner;
    int64_t patience_ms;
    size_t tool;
    struct process *process;
    bool is_told;
    struct deadline late; /* also: the first step, from the loop */
};

int64_t vram_of_nvidia(struct str text)
{
    int64_t sum = 0, one;
    while (text.len > 0)
        if (str_to_int64(str_trim(str_cut(&text, '\n')), &one) && one < INT32_MAX)
            sum += one;
    return sum;
}

int64_t vram_of_rocm(struct str text)
{
    int64_t sum = 0, one;
    while (text.len > 0) {
        struct str line = str_cut(&text, '\n');
        size_t at;
        if (!str_find(line, STR("Total Memory (B):"), &at))
            continue;
        struct str number = str_trim(str_from(line, at + sizeof "Total Memory (B):" - 1));
        if (str_to_int64(number, &one) && one / MIB < INT32_MAX)
            sum += one / MIB;
    }
    return sum;
}

static void next_tool(struct vram *vram);

static void tell(struct vram *vram, int64_t vram_mb)
{
    vram->is_told = true;
    vram->on_known(vram->owner, vram_mb); /* may free */
}

static void on_exit(void *owner, int status)
{
    struct vram *vram = owner;
    int64_t found = status == 0 ? tools[vram->tool].read(process_tail(vram->process)) : 0;
    process_free(TAKE(vram->process));
    deadline_clear(&vram->late);
    if (vram->is_told)
        return; /* it was given up long ago */
    if (found > 0) {
        tell(vram, found);
        return;
    }
    vram->tool++;
    next_tool(vram);
}

static void next_tool(struct vram *vram)
{
    struct error error; /* not there: that is no trouble */
    while (vram->tool < TOOL_COUNT) {
        struct process_options options = {
            .loop = vram->loop, .argv = tools[vram->tool].argv, .on_exit = on_exit, .owner = vram};
        if (process_start(&options, &vram->process, &error) == OK) {
            deadline_set(&vram->late, loop_now_ns(vram->loop) + vram->patience_ms * NS_PER_MS);
            return;
        }
        vram->tool++;
    }
    tell(vram, 0);
}

/* Due: either nothing has begun yet, or a tool hangs. A driver in trouble does that, and then not even SIGKILL ends it: its
 * end is waited for by on_exit, not here. */
static void on_late(struct deadline *deadline)
{
    struct vram *vram = LIST_OWNER(deadline, struct vram, late);
    if (!vram->process) {
        next_tool(vram);
        return;
    }
    process_signal(vram->process, SIGKILL);
    tell(vram, 0);
}

struct vram *vram_look(struct loop *loop, int64_t patience_ms,
                       void (*on_known)(void *owner, int64_t vram_mb), void *owner)
{
    struct vram *vram = mem_zalloc(1, sizeof *vram);
    if (!vram)
        return NULL;
    *vram = (struct vram){
        .loop = loop, .patience_ms = patience_ms, .on_known = on_known, .owner = owner};
    deadline_init(&vram->late, loop, on_late);
    deadline_set(&vram->late, 0);
    return vram;
}

void vram_free(struct vram *vram)
{
    if (!vram)
        return;
    process_free(vram->process);
    deadline_release(&vram->late);
    mem_free(vram);
}
