/* worker/process.h: one child process on a loop: started, listened to, told to end, and never left behind.
 *
 * It has a process group of its own (a Ctrl-C is for us; a kill reaches what it started as well), dies with us
 * (PR_SET_PDEATHSIG), reads nothing (/dev/null) and says what it says, on stdout and stderr alike, to us.
 * How it ended is known once it is gone *and* has said its last word, or half a second after it is gone: something
 * that it started may hold its pipe.
 *
 * Thread:  the loop's, which must be the thread that lives as long as the process (PDEATHSIG goes by thread).
 */
#pragma once
#include "base/buf.h"
#include "net/loop.h"
#include <sys/types.h>

#define PROCESS_LINE_MAX 1024  /* longer ones are told in pieces */
#define PROCESS_TAIL_MAX 16384 /* of what it said, the last */

struct process;

struct process_options {
    struct loop *loop;
    const char *const *argv; /* NULL ends it; argv[0] is looked for on PATH when it has no '/' */
    /** "NAME=value", over our own environment (child_env.h), or NULL. */
    const char *variable;
    /** One line of its output, without the newline; may be NULL. process_free is not allowed inside. */
    void (*on_line)(void *owner, struct str line);
    /** It is gone: exit status, or minus the signal. process_free is yours, also from inside. */
    void (*on_exit)(void *owner, int status);
    void *owner;
};

/** Errors: ERR_NOT_FOUND (no such program), ERR_DENIED (may not be run), ERR_IO; each with a sentence. Never calls
 *  back from inside. */
MUST_USE enum err process_start(const struct process_options *options, struct process **out_process,
                                struct error *error);
pid_t process_id(const struct process *process); /* 0 once it is gone */
/** The end of what it said, whole lines first. Borrowed. */
struct str process_tail(const struct process *process);
/** The signal to its whole group. */
void process_signal(struct process *process, int signal_number);
/** Kills what is left of it (SIGKILL, to the group) and frees; no callback follows. Does not wait until it is gone. NULL is
 *  fine. */
void process_free(struct process *process);
