/* sys/confine.h: what the process gives up for good before its first thread. RELIABILITY.md 6f, T09.
 *
 * Two fences of Linux, so that containers have them too. A seccomp filter refuses (EPERM, told to the
 * kernel's log) what this server never does: start a program or a process, trace, mount, load
 * modules, enter namespaces, and so on. Landlock leaves it one directory to write and a short list
 * to read. Both hold for every thread made afterwards, and nothing takes them down again.
 *
 * A rule of Landlock is for the file that bore the name at the start: one that is replaced by rename
 * (/etc/hosts in an editor) is not readable before the next start. Certificates are renewed like that, so of files that
 * are read again the directories are readable: the one of the name, and the one that its links lead to.
 *
 * Thread:  main's, before any other.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/* A sanitizer inspects its own process and runs a program to name addresses: there is no Landlock in
 * such a build, and its filter lets that much pass. */
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define CONFINE_IS_WHOLE 0
#elif defined __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define CONFINE_IS_WHOLE 0
#endif
#endif
#ifndef CONFINE_IS_WHOLE
#define CONFINE_IS_WHOLE 1
#endif

struct confine_options {
    const char *data_dir; /* exists; may be read and written */
    const char *const
        *readable;         /* files and directories besides the system's; NULL, "" and missing */
    size_t readable_count; /* ones are passed over */
    const char *const *read_again; /* files that may be replaced; likewise */
    size_t read_again_count;
};

struct confinement {
    bool has_filter;   /* seccomp */
    int landlock_abi;  /* 0: no Landlock */
    char missing[200]; /* what could not be done, and why; "" when both are in force */
};

/** Does what the kernel allows, and says what that was. */
void confine(const struct confine_options *options, struct confinement *out_confinement);
