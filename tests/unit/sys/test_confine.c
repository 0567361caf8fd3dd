/* tests/unit/sys/test_confine.c: what a confined process can no longer do, and what it still can.
 *
 * The fences never come down, so each story is told in a child.
 */
#include "base/str.h"
#include "sys/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/test.h"

#define SKIPPED 77

static char dir[64];     /* the data directory, as it were */
static char outside[64]; /* another one, with a file that may be read and one that may not */
static char listed[96], unlisted[96];

static void touch(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    CHECK(path, fd >= 0);
    close(fd);
}

static int make_places(void **state)
{
    (void)state;
    str_copy(STR("/tmp/auxot-confine-XXXXXX"), dir, sizeof dir);
    str_copy(STR("/tmp/auxot-confine-XXXXXX"), outside, sizeof outside);
    CHECK("dirs", mkdtemp(dir) && mkdtemp(outside));
    snprintf(listed, sizeof listed, "%s/listed", outside);
    snprintf(unlisted, sizeof unlisted, "%s/unlisted", outside);
    touch(listed);
    touch(unlisted);
    return 0;
}

static int remove_places(void **state)
{
    (void)state;
    return unlink(listed) || unlink(unlisted) || rmdir(outside) || rmdir(dir);
}

static const char *in_dir(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

/* Runs `story` confined, in a child; what it returned. */
static int confined(int (*story)(const struct confinement *now))
{
    pid_t child = fork();
    if (child == 0) {
        struct confinement now;
        const char *list[] = {NULL, "", "/no/such/file", listed};
        confine(&(struct confine_options){.data_dir = dir, .readable = list, .readable_count = 4},
                &now);
        _exit(story(&now));
    }
    int status = 0;
    CHECK("the child ends by itself", waitpid(child, &status, 0) == child && WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int says_what_is_in_force(const struct confinement *now)
{
    bool has_said = now->missing[0] != '\0';
    bool is_whole = now->has_filter && now->landlock_abi > 0;
    return has_said == is_whole;
}

static void what_is_missing_is_said(void **state)
{
    (void)state;
    CHECK_INT("a sentence exactly when something is missing", confined(says_what_is_in_force), 0);
}

/* ---- seccomp ------------------------------------------------------------------------------------- */

/* Arguments that would do no harm: the kernel refuses them too, but with another number. */
static int refuses_calls(const struct confinement *now)
{
    static const long calls[] = {
#if CONFINE_IS_WHOLE
        SYS_execve,
        SYS_execveat,
        SYS_ptrace,
        SYS_process_vm_readv,
        SYS_process_vm_writev,
#endif
        SYS_mount,
        SYS_umount2,
        SYS_chroot,
        SYS_pivot_root,
        SYS_unshare,
        SYS_setns,
        SYS_bpf,
        SYS_perf_event_open,
        SYS_userfaultfd,
        SYS_io_uring_setup,
        SYS_io_uring_enter,
        SYS_init_module,
        SYS_finit_module,
        SYS_delete_module,
        SYS_kexec_load,
        SYS_keyctl,
        SYS_add_key,
        SYS_request_key,
        SYS_reboot,
        SYS_swapon,
        SYS_swapoff,
        SYS_settimeofday,
    };
    if (!now->has_filter)
        return SKIPPED;
    for (size_t i = 0; i < COUNT(calls); i++) {
        errno = 0;
        if (syscall(calls[i], -1L, -1L, -1L, -1L, -1L) != -1 || errno != EPERM)
            return (int)i + 1;
    }
    return 0;
}

static int starts_no_process(const struct confinement *now)
{
    if (!now->has_filter || !CONFINE_IS_WHOLE)
        return SKIPPED;
    char *const words[] = {(char[]){"true"}, NULL};
    if (execv("/bin/true", words) != -1 || errno != EPERM)
        return 1;
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    return child == -1 && errno == EPERM ? 0 : 2;
}

static void *return_what_was_given(void *arg)
{
    return arg;
}

static int starts_threads(const struct confinement *now)
{
    (void)now;
    pthread_t thread;
    void *got = NULL;
    if (pthread_create(&thread, NULL, return_what_was_given, dir) != 0)
        return 1;
    return pthread_join(thread, &got) == 0 && got == dir ? 0 : 2;
}

static void expect(const char *name, int got)
{
    if (got == SKIPPED)
        print_message("  not offered by this kernel or build: %s\n", name);
    else
        CHECK_INT(name, got, 0);
}

static void calls_that_a_server_never_makes_are_refused(void **state)
{
    (void)state;
    expect("the number of the call that passed", confined(refuses_calls));
    expect("neither exec nor fork", confined(starts_no_process));
    expect("threads all the same", confined(starts_threads));
}

/* ---- Landlock ------------------------------------------------------------------------------------ */

static bool may_open(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static int works_in_its_directory(const struct confinement *now)
{
    (void)now;
    char moved[128];
    snprintf(moved, sizeof moved, "%s/below/moved", dir);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    str_copy(str_of(in_dir("socket")), address.sun_path, sizeof address.sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_fine = may_open(in_dir("new"), O_RDWR | O_CREAT | O_EXCL) &&
                   may_open(in_dir("new"), O_RDWR | O_TRUNC) && truncate(in_dir("new"), 1) == 0 &&
                   mkdir(in_dir("below"), 0700) == 0 && rename(in_dir("new"), moved) == 0 &&
                   unlink(moved) == 0 && rmdir(in_dir("below")) == 0 &&
                   may_open(dir, O_RDONLY | O_DIRECTORY) &&
                   bind(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
                   unlink(in_dir("socket")) == 0;
    return is_fine ? 0 : 1;
}

static int reads_only_its_list(const struct confinement *now)
{
    if (!may_open("/dev/urandom", O_RDONLY) || !may_open("/dev/null", O_RDWR))
        return 1;
    if (!may_open("/etc/nsswitch.conf", O_RDONLY) && errno != ENOENT)
        return 2;
    if (!may_open("/etc/ssl", O_RDONLY) && errno != ENOENT)
        return 3;
    if (!may_open(listed, O_RDONLY))
        return 4;
    if (now->landlock_abi == 0)
        return SKIPPED;
    const struct {
        const char *path;
        int flags;
    } refused[] = {
        {listed, O_WRONLY}, {unlisted, O_RDONLY}, {outside, O_RDONLY},   {"/etc/passwd", O_RDONLY},
        {"/", O_RDONLY},    {"/etc", O_RDONLY},   {"/bin/sh", O_RDONLY},
    };
    for (size_t i = 0; i < COUNT(refused); i++)
        if (may_open(refused[i].path, refused[i].flags) || errno != EACCES)
            return 10 + (int)i;
    return 0;
}

static void one_directory_is_for_writing_and_a_list_for_reading(void **state)
{
    (void)state;
    expect("all that a store does", confined(works_in_its_directory));
    expect("the list and nothing else", confined(reads_only_its_list));
}

#define CONFINED(function) cmocka_unit_test_setup_teardown(function, make_places, remove_places)

TEST_MAIN(CONFINED(what_is_missing_is_said), CONFINED(calls_that_a_server_never_makes_are_refused),
          CONFINED(one_directory_is_for_writing_and_a_list_for_reading))
