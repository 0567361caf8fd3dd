/* worker/process.c: fork, exec, one pipe, SIGCHLD.
 *
 * Whether exec worked is told by a second pipe that exec itself closes: the parent waits for that, which takes as long
 * as the kernel needs to look at the file.
 */
#include "worker/process.h"

#include "base/mem.h"
#include "sys/fd.h"
#include "worker/child_env.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define READ_BYTES   4096u
#define LAST_WORD_NS INT64_C(500000000)
#define LEFT_MAX     16

struct process {
    struct process_options options;
    pid_t pid; /* 0: reaped */
    int status;
    int out_fd; /* -1: it said its last word */
    struct event *said, *child_changed;
    struct buf line, tail;
    struct deadline last_word;
};

/* ---- starting -------------------------------------------------------------------------------- */

struct ends {
    int out, trouble;
    pid_t parent;
};

/* In the child: only calls that are safe behind fork. */
static _Noreturn void become(const char *const *argv, const char *const *environment,
                             struct ends ends)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    /* Handlers end with exec, what is ignored stays so. */
    sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
    setpgid(0, 0);
    int nothing = open("/dev/null", O_RDONLY);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == ends.parent && nothing >= 0 &&
        dup2(nothing, 0) >= 0 && dup2(ends.out, 1) >= 0 && dup2(ends.out, 2) >= 0)
        execvpe(argv[0], (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)environment);
    int reason = errno;
    ssize_t n = write(ends.trouble, &reason, sizeof reason);
    _exit(n < 0 ? 126 : 127);
}

static enum err exec_trouble(const char *program, int reason, struct error *error)
{
    if (reason == ENOENT)
        return error_set(error, ERR_NOT_FOUND, "there is no program '%s'", program);
    if (reason == EACCES)
        return error_set(error, ERR_DENIED, "'%s' may not be run: %s", program, ERRNO_TEXT(reason));
    return error_set(error, ERR_IO, "cannot run '%s': %s", program, ERRNO_TEXT(reason));
}

/* Waits until exec has closed its end, or has said why not. */
static enum err wait_for_exec(int trouble_fd, const char *program, pid_t pid, struct error *error)
{
    int reason = 0;
    ssize_t n;
    while ((n = read(trouble_fd, &reason, sizeof reason)) < 0 && errno == EINTR)
        continue;
    if (n <= 0)
        return OK;
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    return exec_trouble(program, reason, error);
}

static enum err spawn(const struct process_options *options, pid_t *out_pid, int *out_fd,
                      struct error *error)
{
    int out[2], trouble[2];
    if (pipe2(out, O_CLOEXEC) != 0)
        return error_set(error, ERR_IO, "no pipe: %s", ERRNO_TEXT(errno));
    AUTO_CLOSE int out_read = out[0];
    AUTO_CLOSE int out_write = out[1];
    if (pipe2(trouble, O_CLOEXEC) != 0)
        return error_set(error, ERR_IO, "no pipe: %s", ERRNO_TEXT(errno));
    AUTO_CLOSE int trouble_read = trouble[0];
    AUTO_CLOSE int trouble_write = trouble[1];
    AUTO_FREE const char **environment = child_env(&options->variable, options->variable ? 1 : 0);
    if (!environment)
        return error_set(error, ERR_NO_MEMORY, "no memory to start a process");
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid < 0)
        return error_set(error, ERR_IO, "cannot start a process: %s", ERRNO_TEXT(errno));
    if (pid == 0)
        become(options->argv, environment, (struct ends){out_write, trouble_write, parent});
    fd_close(&trouble_write);
    enum err err = wait_for_exec(trouble_read, options->argv[0], pid, error);
    if (err != OK)
        return err;
    (void)setpgid(pid, pid); /* whoever comes first: a kill must find the group */
    (void)fcntl(out_read, F_SETFL, O_NONBLOCK);
    *out_pid = pid;
    *out_fd = fd_take(&out_read);
    return OK;
}

/* ---- listening ------------------------------------------------------------------------------- */

static void keep_tail(struct process *process, struct str bytes)
{
    struct buf *tail = &process->tail;
    if (tail->len + bytes.len > tail->limit_bytes)
        buf_consume(tail, tail->len > PROCESS_TAIL_MAX ? tail->len - PROCESS_TAIL_MAX : tail->len);
    buf_append_str(tail, bytes);
}

static void tell_line(struct process *process)
{
    struct str line = buf_str(&process->line);
    if (line.len > 0 && line.at[line.len - 1] == '\r')
        line.len--;
    if (process->options.on_line && line.len > 0)
        process->options.on_line(process->options.owner, line);
    buf_clear(&process->line);
}

static void take_output(struct process *process, struct str bytes)
{
    keep_tail(process, bytes);
    for (size_t i = 0; i < bytes.len; i++) {
        if (bytes.at[i] != '\n')
            buf_putc(&process->line, bytes.at[i]);
        if (bytes.at[i] == '\n' || process->line.len == PROCESS_LINE_MAX)
            tell_line(process);
    }
}

static void tell_exit(struct process *process)
{
    tell_line(process);
    deadline_clear(&process->last_word);
    process->options.on_exit(process->options.owner, process->status); /* may free */
}

static void stop_listening(struct process *process)
{
    if (process->said)
        event_free(TAKE(process->said));
    fd_close(&process->out_fd);
}

static void on_said(evutil_socket_t fd, short what, void *arg)
{
    struct process *process = arg;
    char bytes[READ_BYTES];
    (void)what;
    ssize_t n = read(fd, bytes, sizeof bytes);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n > 0) {
        take_output(process, (struct str){bytes, (size_t)n});
        return;
    }
    stop_listening(process);
    if (process->pid == 0)
        tell_exit(process);
}

static void on_no_last_word(struct deadline *deadline)
{
    struct process *process = LIST_OWNER(deadline, struct process, last_word);
    stop_listening(process);
    tell_exit(process);
}

/* SIGCHLD came, for this child or another. */
static void on_child_changed(evutil_socket_t signal_number, short what, void *arg)
{
    struct process *process = arg;
    int status;
    (void)signal_number;
    (void)what;
    if (process->pid == 0 || waitpid(process->pid, &status, WNOHANG) != process->pid)
        return;
    process->pid = 0;
    process->status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    event_del(process->child_changed);
    deadline_set(&process->last_word,
                 process->out_fd < 0 ? 0 : loop_now_ns(process->options.loop) + LAST_WORD_NS);
}

/* ---- those that nobody waits for ------------------------------------------------------------- */

/* Killed, freed, and not gone yet: a driver in trouble holds a process for minutes, and a loop must not wait with it. Who
 * frees the next process takes away what is gone by then; what is left at our end goes to init. */
static pid_t left[LEFT_MAX];
static size_t left_count;

static void take_away_the_left(void)
{
    size_t kept = 0;
    for (size_t i = 0; i < left_count; i++)
        if (waitpid(left[i], NULL, WNOHANG) == 0)
            left[kept++] = left[i];
    left_count = kept;
}

/* One more than there is room for stays a zombie until we end. */
static void leave(pid_t pid)
{
    if (waitpid(pid, NULL, WNOHANG) == 0 && left_count < LEFT_MAX)
        left[left_count++] = pid;
}

/* ---- life ------------------------------------------------------------------------------------ */

static enum err listen_to(struct process *process, struct error *error)
{
    struct event_base *base = loop_base(process->options.loop);
    process->said = event_new(base, process->out_fd, EV_READ | EV_PERSIST, on_said, process);
    process->child_changed = evsignal_new(base, SIGCHLD, on_child_changed, process);
    bool is_fine = process->said && process->child_changed && event_add(process->said, NULL) == 0 &&
                   event_add(process->child_changed, NULL) == 0;
    return is_fine ? OK : error_set(error, ERR_NO_MEMORY, "no memory to follow a process");
}

enum err process_start(const struct process_options *options, struct process **out_process,
                       struct error *error)
{
    struct process *process = mem_zalloc(1, sizeof *process);
    if (!process)
        return error_set(error, ERR_NO_MEMORY, "no memory to follow a process");
    process->options = *options;
    process->options.argv = NULL; /* the caller's, and used up, as is the variable */
    process->options.variable = NULL;
    process->out_fd = -1;
    buf_init(&process->line, PROCESS_LINE_MAX);
    buf_init(&process->tail, 2 * PROCESS_TAIL_MAX);
    deadline_init(&process->last_word, options->loop, on_no_last_word);
    enum err err = spawn(options, &process->pid, &process->out_fd, error);
    if (err == OK)
        err = listen_to(process, error);
    if (err != OK) {
        process_free(process);
        return err;
    }
    /* It may have ended before anybody listened. */
    event_active(process->child_changed, EV_SIGNAL, 1);
    *out_process = process;
    return OK;
}

pid_t process_id(const struct process *process)
{
    return process->pid;
}

struct str process_tail(const struct process *process)
{
    struct str tail = buf_str(&process->tail);
    size_t line_end;
    if (tail.len <= PROCESS_TAIL_MAX)
        return tail;
    tail = str_from(tail, tail.len - PROCESS_TAIL_MAX);
    return str_find(tail, STR("\n"), &line_end) ? str_from(tail, line_end + 1) : tail;
}

void process_signal(struct process *process, int signal_number)
{
    if (process->pid > 0)
        (void)kill(-process->pid, signal_number);
}

void process_free(struct process *process)
{
    if (!process)
        return;
    take_away_the_left();
    process_signal(process, SIGKILL);
    if (process->pid > 0)
        leave(process->pid);
    stop_listening(process);
    if (process->child_changed)
        event_free(process->child_changed);
    deadline_release(&process->last_word);
    buf_release(&process->line);
    buf_release(&process->tail);
    mem_free(process);
}
