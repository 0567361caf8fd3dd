/* main/child.c: fork, exec of /proc/self/exe, one line back. */
#include "main/child.h"

#include "sys/clock.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#define STOP_MS 5000
#define LOOK_MS 10

/* In the child: only calls that are safe behind fork. */
static _Noreturn void become(const char *const args[], int out_fd, int log_fd, pid_t parent)
{
    const char *argv[CHILD_ARGS_MAX + 2] = {"auxot"};
    for (size_t i = 0; i < CHILD_ARGS_MAX && args[i]; i++)
        argv[i + 1] = args[i];
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setpgid(0, 0); /* Ctrl-C is for the demo, which then stops its children in order */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent || dup2(out_fd, 1) < 0 ||
        dup2(log_fd, 2) < 0)
        _exit(126);
    execv("/proc/self/exe", (char *const *)(uintptr_t)argv);
    _exit(127);
}

enum err child_start(const char *const args[], const char *log_path, struct child *out_child,
                     struct error *error)
{
    int ends[2];
    AUTO_CLOSE int log_fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log_fd < 0)
        return error_set(error, ERR_IO, "cannot write '%s': %s", log_path, ERRNO_TEXT(errno));
    if (pipe2(ends, O_CLOEXEC) != 0)
        return error_set(error, ERR_IO, "no pipe: %s", ERRNO_TEXT(errno));
    AUTO_CLOSE int read_end = ends[0];
    AUTO_CLOSE int write_end = ends[1];
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid < 0)
        return error_set(error, ERR_IO, "cannot start a process: %s", ERRNO_TEXT(errno));
    if (pid == 0)
        become(args, write_end, log_fd, parent);
    *out_child = (struct child){pid, fd_take(&read_end)};
    return OK;
}

enum err child_read_line(struct child *child, int timeout_ms, char *room, size_t room_bytes,
                         struct error *error)
{
    int64_t until_ms = clock_monotonic_ms() + timeout_ms;
    size_t len = 0;
    for (;;) {
        int64_t left_ms = until_ms - clock_monotonic_ms();
        struct pollfd ready = {.fd = child->out_fd, .events = POLLIN};
        if (left_ms <= 0 || poll(&ready, 1, (int)left_ms) == 0)
            return error_set(error, ERR_TIMEOUT, "it said nothing within %d ms", timeout_ms);
        ssize_t n =
            read(child->out_fd, room + len, 1); /* a byte at a time: the rest stays for later */
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return error_set(error, ERR_IO, "it ended before it was ready");
        if (room[len] == '\n')
            break;
        len += len + 1 < room_bytes;
    }
    room[len] = '\0';
    return OK;
}

static int finish(struct child *child, int status)
{
    fd_close(&child->out_fd);
    child->pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int child_wait(struct child *child)
{
    int status = 0;
    while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return finish(child, status);
}

int child_stop(struct child *child)
{
    if (child->pid == 0)
        return 0;
    int status = 0;
    (void)kill(child->pid, SIGTERM);
    for (int waited_ms = 0; waited_ms < STOP_MS; waited_ms += LOOK_MS) {
        if (waitpid(child->pid, &status, WNOHANG) == child->pid)
            return finish(child, status);
        (void)nanosleep(&(struct timespec){.tv_nsec = LOOK_MS * 1000000L}, NULL);
    }
    (void)kill(child->pid, SIGKILL);
    return child_wait(child);
}

void child_kill(struct child *child)
{
    if (child->pid == 0)
        return;
    (void)kill(child->pid, SIGKILL);
    (void)child_wait(child);
}
