/* sys/confine.c: a seccomp filter written by hand, and Landlock by its three system calls.
 *
 * The filter looks at numbers only, except for clone: such a filter costs nothing per call, because
 * the kernel (5.11 and later) keeps its answers in a bitmap.
 */
#include "sys/confine.h"

#include "base/err.h"
#include "base/str.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void miss(struct confinement *confinement, const char *what, int why)
{
    size_t len = strlen(confinement->missing);
    snprintf(confinement->missing + len, sizeof confinement->missing - len, "%s%s: %s",
             len ? "; " : "", what, ERRNO_TEXT(why));
}

/* ---- seccomp ------------------------------------------------------------------------------------- */

#if defined __x86_64__
#define OWN_ARCH AUDIT_ARCH_X86_64
#elif defined __aarch64__
#define OWN_ARCH AUDIT_ARCH_AARCH64
#elif defined __riscv && __riscv_xlen == 64
#define OWN_ARCH AUDIT_ARCH_RISCV64
#else
#define OWN_ARCH 0 /* not known here: no filter */
#endif

#define X32_FIRST 0x40000000u /* x86-64 has every call twice; the second set is nobody's */

// clang-format off
static const unsigned denied[] = {
#if CONFINE_IS_WHOLE
    SYS_execve, SYS_execveat,
    SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev,
#ifdef SYS_fork
    SYS_fork, SYS_vfork,
#endif
    SYS_personality,
#endif
    SYS_pidfd_getfd, SYS_process_madvise, SYS_kcmp,
    SYS_mount, SYS_umount2, SYS_move_mount, SYS_open_tree, SYS_mount_setattr,
    SYS_fsopen, SYS_fsconfig, SYS_fsmount, SYS_fspick,
    SYS_chroot, SYS_pivot_root, SYS_unshare, SYS_setns,
    SYS_open_by_handle_at, SYS_name_to_handle_at, SYS_fanotify_init,
    SYS_bpf, SYS_perf_event_open, SYS_userfaultfd,
    SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register,
    SYS_init_module, SYS_finit_module, SYS_delete_module,
    SYS_kexec_load,
#ifdef SYS_kexec_file_load
    SYS_kexec_file_load,
#endif
    SYS_keyctl, SYS_add_key, SYS_request_key,
    SYS_reboot, SYS_swapon, SYS_swapoff, SYS_acct, SYS_quotactl, SYS_quotactl_fd, SYS_syslog,
    SYS_settimeofday, SYS_clock_settime, SYS_adjtimex, SYS_clock_adjtime,
    SYS_sethostname, SYS_setdomainname, SYS_vhangup,
#ifdef __x86_64__
    SYS_iopl, SYS_ioperm, SYS_modify_ldt, SYS_uselib, SYS_ustat, SYS_sysfs,
#endif
};
// clang-format on

#define FIELD(member) offsetof(struct seccomp_data, member)
#define LOAD(at)      (struct sock_filter) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (at))
#define JUMP(test, value, yes, no) \
    (struct sock_filter) BPF_JUMP(BPF_JMP | (test) | BPF_K, (value), (yes), (no))
#define ANSWER(action) (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, (action))
#define REFUSE(why)    ANSWER(SECCOMP_RET_ERRNO | (why))

static bool install(struct sock_filter *filter, size_t len, unsigned flags)
{
    struct sock_fprog program = {.len = (unsigned short)len, .filter = filter};
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) == 0;
}

/* clone3's flags lie in memory, where no filter can look: the C library takes "no such call" for an
 * old kernel's answer and uses clone. A filter of its own, because the first is the one that logs. */
static bool refuse_clone3(void)
{
    struct sock_filter filter[] = {
        LOAD(FIELD(nr)),
        JUMP(BPF_JEQ, SYS_clone3, 0, 1),
        REFUSE(ENOSYS),
        ANSWER(SECCOMP_RET_ALLOW),
    };
    return install(filter, COUNT(filter), 0);
}

static bool refuse_denied(void)
{
    struct sock_filter filter[2 * COUNT(denied) + 16];
    size_t len = 0;
    filter[len++] = LOAD(FIELD(arch));
    filter[len++] = JUMP(BPF_JEQ, OWN_ARCH, 1, 0);
    filter[len++] = REFUSE(EPERM);
    filter[len++] = LOAD(FIELD(nr));
    filter[len++] = JUMP(BPF_JGE, X32_FIRST, 0, 1);
    filter[len++] = REFUSE(EPERM);
    for (size_t i = 0; i < COUNT(denied); i++) {
        filter[len++] = JUMP(BPF_JEQ, denied[i], 0, 1);
        filter[len++] = REFUSE(EPERM);
    }
    if (CONFINE_IS_WHOLE) { /* clone makes threads, neither processes nor namespaces */
        filter[len++] = JUMP(BPF_JEQ, SYS_clone, 0, 3);
        filter[len++] = LOAD(FIELD(args[0])); /* its lower half: these machines are little-endian */
        filter[len++] = JUMP(BPF_JSET, CLONE_THREAD, 1, 0);
        filter[len++] = REFUSE(EPERM);
    }
    filter[len++] = ANSWER(SECCOMP_RET_ALLOW);
    return install(filter, len, SECCOMP_FILTER_FLAG_LOG);
}

static bool put_up_filter(struct confinement *confinement)
{
    bool is_up = OWN_ARCH != 0 && (!CONFINE_IS_WHOLE || refuse_clone3()) && refuse_denied();
    if (!is_up)
        miss(confinement, "seccomp", OWN_ARCH ? errno : ENOSYS);
    return is_up;
}

/* ---- Landlock ------------------------------------------------------------------------------------ */

/* What the C library, OpenSSL and c-ares open later than at the start; directories with all below. */
// clang-format off
static const char *const system_readable[] = {
    "/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/usr/local/ssl",
    "/usr/share/ca-certificates", "/usr/local/share/ca-certificates",
    "/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf", "/etc/gai.conf",
    "/etc/services", "/etc/localtime", "/run/systemd/resolve",
    "/etc/ld.so.cache", "/lib", "/lib64", "/usr/lib", "/usr/lib64",
    "/proc/self", "/proc/sys/vm", "/sys/devices/system/cpu",
    "/dev/urandom", "/dev/random",
};
// clang-format on

/* Newer than the headers of Debian 12. */
#define RIGHT_TRUNCATE  (UINT64_C(1) << 14)
#define RIGHT_IOCTL_DEV (UINT64_C(1) << 15)
#define SCOPE_ALL       (UINT64_C(3)) /* abstract sockets, signals */

#define RIGHTS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define RIGHTS_DATA                                                                              \
    (RIGHTS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE |              \
     LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR | \
     LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_REFER | RIGHT_TRUNCATE)
#define RIGHTS_OF_FILES \
    (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | RIGHT_TRUNCATE)

/* struct landlock_ruleset_attr as it is today; an older kernel takes it while the rest is zero. */
struct ruleset {
    uint64_t fs, net, scoped;
};

/* Every right that this kernel can withhold. */
static struct ruleset withheld(int abi)
{
    uint64_t fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;
    if (abi >= 2)
        fs |= LANDLOCK_ACCESS_FS_REFER;
    if (abi >= 3)
        fs |= RIGHT_TRUNCATE;
    if (abi >= 5)
        fs |= RIGHT_IOCTL_DEV;
    return (struct ruleset){.fs = fs, .scoped = abi >= 6 ? SCOPE_ALL : 0};
}

static bool allow(int ruleset, const char *path, uint64_t rights)
{
    AUTO_CLOSE int fd = path && path[0] ? open(path, O_PATH | O_CLOEXEC) : -1;
    struct stat facts;
    if (fd < 0 || fstat(fd, &facts) != 0)
        return false;
    if (!S_ISDIR(facts.st_mode))
        rights &= RIGHTS_OF_FILES;
    struct landlock_path_beneath_attr rule = {.allowed_access = rights, .parent_fd = fd};
    return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
}

/* Everything beside the file, under both its names. */
static void allow_beside(int ruleset, const char *path)
{
    char real[PATH_MAX], beside[PATH_MAX];
    if (!path || !path[0] || strlen(path) >= sizeof beside)
        return;
    str_copy(str_of(path), beside, sizeof beside);
    (void)allow(ruleset, dirname(beside), RIGHTS_READ);
    if (realpath(path, real))
        (void)allow(ruleset, dirname(real), RIGHTS_READ);
}

static bool put_up_ruleset(const struct confine_options *options, int abi)
{
    struct ruleset rights = withheld(abi);
    AUTO_CLOSE int ruleset = (int)syscall(SYS_landlock_create_ruleset, &rights, sizeof rights, 0);
    if (ruleset < 0 || !allow(ruleset, options->data_dir, RIGHTS_DATA & rights.fs))
        return false;
    for (size_t i = 0; i < COUNT(system_readable); i++)
        (void)allow(ruleset, system_readable[i], RIGHTS_READ);
    for (size_t i = 0; i < options->readable_count; i++)
        (void)allow(ruleset, options->readable[i], RIGHTS_READ);
    for (size_t i = 0; i < options->read_again_count; i++)
        allow_beside(ruleset, options->read_again[i]);
    (void)allow(ruleset, "/dev/null", RIGHTS_OF_FILES & rights.fs);
    return syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
}

static int put_up_landlock(const struct confine_options *options, struct confinement *confinement)
{
    errno = ENOSYS; /* in a build without it */
    long abi = CONFINE_IS_WHOLE
                   ? syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION)
                   : -1;
    if (abi >= 1 && put_up_ruleset(options, (int)abi))
        return (int)abi;
    miss(confinement, "landlock", errno);
    return 0;
}

/* ---- both ---------------------------------------------------------------------------------------- */

void confine(const struct confine_options *options, struct confinement *out_confinement)
{
    *out_confinement = (struct confinement){0};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        miss(out_confinement, "no_new_privs", errno); /* both ask for it */
        return;
    }
    out_confinement->landlock_abi = put_up_landlock(options, out_confinement);
    out_confinement->has_filter = put_up_filter(out_confinement);
}
