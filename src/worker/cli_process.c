/* worker/cli_process.c: fork, exec, three pipes and a pidfd. */
#include "worker/cli_process.h"

#include "base/list.h"
#include "base/mem.h"
#include "sys/fd.h"
#include "worker/child_env.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define INPUT_MAX  (128u << 20)
#define KILL_MS    2000
#define PER_WAKEUP 16 /* reads of one process before others have their turn */
#define LAST_READS 64 /* of what it left in a pipe: whatever escaped its group may write for ever */

struct cli_process {
    struct cli_process_options options; /* loop and line_max_bytes are used later */
    const struct cli_process_ops *ops;
    void *owner;
    pid_t pid;
    int pid_fd, in_fd, out_fd, err_fd;
    struct event *exited, *readable, *writable, *complained;
    struct buf input; /* for its stdin */
    size_t input_at;  /* so much of it is written */
    struct buf line;  /* begun, not ended */
    bool closes_input, is_skipping, is_paused;
    struct deadline stop;
    int64_t stop_ns;    /* when SIGTERM is due; 0: nobody wants it to end */
    bool is_terminated; /* SIGTERM was sent */
    char tail[CLI_TAIL_BYTES];
    size_t tail_len;
};

/* ---- the child ------------------------------------------------------------------------------------------- */

/* In the child: only calls that are safe behind fork. */
static _Noreturn void become(const struct cli_process_options *options, const char **env,
                             const int fds[3], pid_t parent)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
    setpgid(0, 0);
    bool is_ready = prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent;
    for (int i = 0; i < 3; i++)
        is_ready = is_ready && dup2(fds[i], i) == i;
    if (!is_ready || (options->dir && chdir(options->dir) != 0))
        _exit(126);
    (void)close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
    execve(options->args[0], (char *const *)(uintptr_t)options->args,
           (char *const *)(uintptr_t)env);
    _exit(127);
}

/* ---- reading --------------------------------------------------------------------------------------------- */

/* A line is told when its end is there; a too long one is passed over to its end. */
static void take_bytes(struct cli_process *process, struct str bytes)
{
    while (bytes.len) {
        const char *end = memchr(bytes.at, '\n', bytes.len);
        struct str piece = {bytes.at, end ? (size_t)(end - bytes.at) : bytes.len};
        bytes = str_from(bytes, piece.len + (end ? 1 : 0));
        if (process->line.len + piece.len > process->options.line_max_bytes)
            process->is_skipping = true;
        if (!process->is_skipping && (process->line.len || !end)) {
            buf_append_str(&process->line, piece);
            process->is_skipping = process->line.failed;
            if (process->line.failed) /* for want of memory: an answer would have a hole */
                cli_process_stop(process, 0);
            piece = buf_str(&process->line);
        }
        if (!end)
            return;
        if (!process->is_skipping)
            process->ops->on_line(process->owner, piece);
        process->is_skipping = false;
        if (process->line.room_bytes > 1u << 20)
            buf_release(&process->line);
        buf_clear(&process->line);
    }
}

/* False: there is no more for now, or ever. */
static bool read_once(struct cli_process *process)
{
    /* The loop's scratch is for one read, and a line's owner may write to a socket: a room of our own. */
    char room[16384];
    ssize_t n = read(process->out_fd, room, sizeof room);
    if (n < 0)
        return errno == EINTR;
    if (n == 0) {
        event_del(process->readable);
        return false;
    }
    take_bytes(process, (struct str){room, (size_t)n});
    return true;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct cli_process *process = arg;
    (void)fd;
    (void)what;
    for (int i = 0; i < PER_WAKEUP && !process->is_paused && read_once(process); i++)
        continue;
    process->ops->on_read(process->owner);
}

/* Keeps the end: that is where programs say why they gave up. */
static void keep_tail(struct cli_process *process, const char *bytes, size_t len)
{
    size_t room = sizeof process->tail;
    if (len >= room) {
        memcpy(process->tail, bytes + len - room, room);
        process->tail_len = room;
        return;
    }
    size_t drop = process->tail_len + len > room ? process->tail_len + len - room : 0;
    memmove(process->tail, process->tail + drop, process->tail_len - drop);
    memcpy(process->tail + process->tail_len - drop, bytes, len);
    process->tail_len += len - drop;
}

/* False: there is no more for now, or ever. */
static bool hear_complaint(struct cli_process *process)
{
    char room[4096];
    ssize_t n = read(process->err_fd, room, sizeof room);
    if (n > 0)
        keep_tail(process, room, (size_t)n);
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        event_del(process->complained);
    return n > 0;
}

static void on_complained(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    (void)hear_complaint(arg);
}

struct str cli_process_stderr(const struct cli_process *process)
{
    return (struct str){process->tail, process->tail_len};
}

void cli_process_pause(struct cli_process *process, bool is_paused)
{
    if (is_paused == process->is_paused)
        return;
    process->is_paused = is_paused;
    if (is_paused)
        event_del(process->readable);
    else if (event_add(process->readable, NULL) != 0 || event_add(process->exited, NULL) != 0)
        cli_process_stop(process, 0);
}

/* ---- writing --------------------------------------------------------------------------------------------- */

static void close_input(struct cli_process *process)
{
    if (process->in_fd < 0)
        return;
    event_del(process->writable);
    fd_close(&process->in_fd);
    buf_release(&process->input);
}

static void flush(struct cli_process *process)
{
    while (process->in_fd >= 0 && process->input_at < process->input.len) {
        struct str rest = str_from(buf_str(&process->input), process->input_at);
        ssize_t n = write(process->in_fd, rest.at, rest.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN) {
            event_add(process->writable, NULL);
            return;
        }
        if (n < 0) { /* it listens no more; its end says why */
            close_input(process);
            return;
        }
        process->input_at += (size_t)n;
    }
    process->input_at = 0;
    buf_release(&process->input);
    if (process->closes_input)
        close_input(process);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    flush(arg);
}

void cli_process_write(struct cli_process *process, struct buf *bytes)
{
    if (process->in_fd >= 0)
        buf_append_str(&process->input, buf_str(bytes));
    buf_clear(bytes);
    if (process->input.failed) { /* half a line must not reach it */
        cli_process_stop(process, 0);
        close_input(process);
        return;
    }
    flush(process);
}

void cli_process_close_input(struct cli_process *process)
{
    process->closes_input = true;
    flush(process);
}

/* ---- the end ----------------------------------------------------------------------------------------------- */

static void on_stop_due(struct deadline *deadline)
{
    struct cli_process *process = LIST_OWNER(deadline, struct cli_process, stop);
    if (process->pid <= 0) /* gone; 0 would be our own group */
        return;
    (void)kill(-process->pid, process->is_terminated ? SIGKILL : SIGTERM);
    if (process->is_terminated)
        return;
    process->is_terminated = true;
    deadline_set(&process->stop, loop_now_ns(process->options.loop) + KILL_MS * INT64_C(1000000));
}

void cli_process_stop(struct cli_process *process, int64_t grace_ms)
{
    int64_t due_ns = loop_now_ns(process->options.loop) + grace_ms * 1000000;
    if (process->is_terminated || (process->stop_ns && process->stop_ns <= due_ns))
        return;
    process->stop_ns = due_ns;
    deadline_set(&process->stop, due_ns);
}

/* Its group goes before it is reaped: until then the number is its own. */
static int reap(struct cli_process *process)
{
    int status = 0;
    (void)kill(-process->pid, SIGKILL);
    while (waitpid(process->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    process->pid = 0;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void on_exited(evutil_socket_t fd, short what, void *arg)
{
    struct cli_process *process = arg;
    (void)fd;
    (void)what;
    if (process->is_paused) /* its lines wait for the caller; so does its end: cli_process_pause */
        return;
    int status = reap(process);
    for (int i = 0; i < LAST_READS && read_once(process); i++)
        continue;
    for (int i = 0; i < LAST_READS && hear_complaint(process); i++)
        continue;
    close_input(process);
    event_del(process->readable);
    event_del(process->complained);
    deadline_clear(&process->stop);
    process->ops->on_ended(process->owner, status);
}

void cli_process_free(struct cli_process *process)
{
    struct event *events[4];
    if (!process)
        return;
    memcpy(events,
           (struct event *[]){process->exited, process->readable, process->writable,
                              process->complained},
           sizeof events);
    for (size_t i = 0; i < 4; i++)
        if (events[i])
            event_free(events[i]);
    if (process->pid > 0)
        (void)reap(process);
    deadline_release(&process->stop);
    fd_close(&process->pid_fd);
    fd_close(&process->in_fd);
    fd_close(&process->out_fd);
    fd_close(&process->err_fd);
    buf_release(&process->input);
    buf_release(&process->line);
    mem_free(process);
}

/* ---- the start ----------------------------------------------------------------------------------------------- */

struct pipes {
    int in[2], out[2], err[2];
};

static bool open_pipes(struct pipes *pipes)
{
    return pipe2(pipes->in, O_CLOEXEC) == 0 && pipe2(pipes->out, O_CLOEXEC) == 0 &&
           pipe2(pipes->err, O_CLOEXEC) == 0;
}

static void close_pair(int ends[2])
{
    fd_close(&ends[0]);
    fd_close(&ends[1]);
}

static void close_pipes(struct pipes *pipes)
{
    close_pair(pipes->in);
    close_pair(pipes->out);
    close_pair(pipes->err);
}

static enum err spawn(struct cli_process *process, struct error *error)
{
    __attribute__((cleanup(close_pipes))) struct pipes pipes = {{-1, -1}, {-1, -1}, {-1, -1}};
    const char **env = child_env(process->options.env, process->options.env_count);
    if (!env || !open_pipes(&pipes)) {
        mem_free(env);
        return error_set(error, ERR_IO, "no pipes to a program: %s", ERRNO_TEXT(errno));
    }
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0)
        become(&process->options, env, (int[3]){pipes.in[0], pipes.out[1], pipes.err[1]}, parent);
    mem_free(env);
    if (pid < 0)
        return error_set(error, ERR_IO, "cannot start a process: %s", ERRNO_TEXT(errno));
    (void)setpgid(pid, pid); /* whichever of us is first */
    process->pid = pid;
    process->in_fd = fd_take(&pipes.in[1]);
    process->out_fd = fd_take(&pipes.out[0]);
    process->err_fd = fd_take(&pipes.err[0]);
    process->pid_fd = pidfd_open(pid, 0);
    if (process->pid_fd < 0)
        return error_set(error, ERR_IO, "cannot watch a process: %s", ERRNO_TEXT(errno));
    return OK;
}

static enum err watch(struct cli_process *process, struct error *error)
{
    struct event_base *base = loop_base(process->options.loop);
    int fds[] = {process->in_fd, process->out_fd, process->err_fd};
    for (size_t i = 0; i < 3; i++)
        (void)fcntl(fds[i], F_SETFL, fcntl(fds[i], F_GETFL) | O_NONBLOCK);
    process->exited = event_new(base, process->pid_fd, EV_READ, on_exited, process);
    process->readable =
        event_new(base, process->out_fd, EV_READ | EV_PERSIST, on_readable, process);
    process->writable = event_new(base, process->in_fd, EV_WRITE, on_writable, process);
    process->complained =
        event_new(base, process->err_fd, EV_READ | EV_PERSIST, on_complained, process);
    if (process->exited && process->readable && process->writable && process->complained &&
        event_add(process->exited, NULL) == 0 && event_add(process->readable, NULL) == 0 &&
        event_add(process->complained, NULL) == 0)
        return OK;
    return error_set(error, ERR_NO_MEMORY, "no memory to watch a process");
}

enum err cli_process_start(const struct cli_process_options *options,
                           const struct cli_process_ops *ops, void *owner,
                           struct cli_process **out_process, struct error *error)
{
    struct cli_process *process = mem_zalloc(1, sizeof *process);
    if (!process)
        return error_set(error, ERR_NO_MEMORY, "no memory for a process");
    *process = (struct cli_process){.options = *options,
                                    .ops = ops,
                                    .owner = owner,
                                    .pid_fd = -1,
                                    .in_fd = -1,
                                    .out_fd = -1,
                                    .err_fd = -1};
    buf_init(&process->input, INPUT_MAX);
    buf_init(&process->line, options->line_max_bytes);
    deadline_init(&process->stop, options->loop, on_stop_due);
    enum err err = spawn(process, error);
    if (err == OK)
        err = watch(process, error);
    if (err != OK) {
        cli_process_free(process);
        return err;
    }
    *out_process = process;
    return OK;
}
