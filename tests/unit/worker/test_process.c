/* tests/unit/worker/test_process.c: children: started, heard, ended, and none left behind. */
#include "worker/process.h"
#include "worker/vram.h"

#include "tests/test.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct loop *loop;

/* In place of libc's: a loop must not wait for a child, which may be in a driver that does not come back. */
static int waits;
pid_t waitpid(pid_t pid, int *status, int options)
{
    waits += (options & WNOHANG) == 0;
    return wait4(pid, status, options, NULL);
}

struct seen {
    struct process *process;
    int status, exits, lines;
    char last[PROCESS_LINE_MAX + 1];
};

static void on_line(void *owner, struct str line)
{
    struct seen *seen = owner;
    seen->lines++;
    str_copy(line, seen->last, sizeof seen->last);
}

static void on_exit_seen(void *owner, int status)
{
    struct seen *seen = owner;
    seen->status = status;
    seen->exits++;
    loop_stop(loop);
}

static enum err start(struct seen *seen, const char *program, const char *script,
                      const char *variable, struct error *error)
{
    const char *argv[] = {program, "-c", script, NULL};
    struct process_options options = {.loop = loop,
                                      .argv = argv,
                                      .variable = variable,
                                      .on_line = on_line,
                                      .on_exit = on_exit_seen,
                                      .owner = seen};
    *seen = (struct seen){0};
    return process_start(&options, &seen->process, error);
}

static void run(struct seen *seen, const char *script)
{
    struct error error;
    CHECK(script, start(seen, "sh", script, "AUXOT_TEST_WORD=a word", &error) == OK);
    loop_run(loop);
    CHECK_INT(script, seen->exits, 1);
    CHECK_INT("it is reaped", process_id(seen->process), 0);
}

static bool tail_is(const struct seen *seen, const char *text)
{
    return str_eq(process_tail(seen->process), str_of(text));
}

static void its_words_and_its_end_are_told(void **state)
{
    (void)state;
    struct seen seen;
    run(&seen, "echo out; echo err >&2; printf 'no newline'; exit 7");
    CHECK_INT("status", seen.status, 7);
    CHECK_INT("lines", seen.lines, 3);
    CHECK_STR("the last", seen.last, "no newline");
    CHECK("both streams", tail_is(&seen, "out\nerr\nno newline"));
    process_free(seen.process);

    run(&seen, "kill -9 $$");
    CHECK_INT("a signal", seen.status, -9);
    process_free(seen.process);

    run(&seen, "echo $AUXOT_TEST_WORD; cat; echo done");
    CHECK_STR("its input is empty, its variable set", process_tail(seen.process).at,
              "a word\ndone\n");
    process_free(seen.process);
}

static void of_much_output_the_end_is_kept(void **state)
{
    (void)state;
    struct seen seen;
    run(&seen, "i=0; while [ $i -lt 8000 ]; do echo line $i; i=$((i+1)); done");
    struct str tail = process_tail(seen.process);
    CHECK_INT("every line was told", seen.lines, 8000);
    CHECK("bounded", tail.len <= PROCESS_TAIL_MAX && tail.len > PROCESS_TAIL_MAX / 2);
    CHECK("from a line's beginning", str_starts(tail, STR("line ")));
    CHECK("to the end", str_ends(tail, STR("line 7999\n")));
    process_free(seen.process);

    run(&seen, "head -c 5000 /dev/zero | tr '\\0' x");
    CHECK_INT("a long line comes in pieces", seen.lines, 5);
    process_free(seen.process);
}

static void what_cannot_be_run_is_said_at_once(void **state)
{
    (void)state;
    struct seen seen;
    struct error error;
    CHECK("missing", start(&seen, "/nowhere/at-all", "", NULL, &error) == ERR_NOT_FOUND);
    CHECK_STR("by name", error.text, "there is no program '/nowhere/at-all'");
    CHECK("on no PATH", start(&seen, "auxot-no-such-program", "", NULL, &error) == ERR_NOT_FOUND);
    CHECK("not runnable", start(&seen, "/etc/passwd", "", NULL, &error) == ERR_DENIED);
}

/* A zombie: somebody has to take it away, and it is nobody's work to wait for that. */
static bool is_dead(pid_t pid)
{
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == 0;
}

static bool is_gone(pid_t pid)
{
    for (int i = 0; i < 200; i++) {
        if (kill(pid, 0) != 0 && errno == ESRCH)
            return true;
        usleep(10000); /* until the kernel has done what it was told */
    }
    return false;
}

static void freeing_kills_it_and_what_it_started(void **state)
{
    (void)state;
    struct seen seen;
    struct error error;
    CHECK("started", start(&seen, "sh", "sleep 1000 & echo $!; wait", NULL, &error) == OK);
    while (seen.lines == 0)
        event_base_loop(loop_base(loop), EVLOOP_ONCE);
    pid_t child = process_id(seen.process), grandchild = (pid_t)strtol(seen.last, NULL, 10);
    waits = 0;
    process_free(seen.process);
    CHECK_INT("nobody waited", waits, 0);
    CHECK("the child is dead", is_dead(child));
    CHECK_INT("nobody was told", seen.exits, 0);
    struct seen next;
    run(&next, "exit 0");
    process_free(next.process);
    CHECK("the next takes the child away", kill(child, 0) != 0 && errno == ESRCH);
    /* The grandchild is init's to reap, which a container may lack: being a zombie is dead enough. */
    char path[64], status[512] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", (int)grandchild);
    FILE *file = fopen(path, "r");
    size_t n = file ? fread(status, 1, sizeof status - 1, file) : 0;
    if (file)
        fclose(file);
    CHECK("the grandchild", n == 0 || strstr(status, ") Z") || is_gone(grandchild));
}

static void an_end_does_not_wait_for_whoever_holds_the_pipe(void **state)
{
    (void)state;
    struct seen seen;
    run(&seen, "sleep 30 & echo started; exit 3");
    CHECK_INT("it is over", seen.status, 3);
    CHECK("and was heard", tail_is(&seen, "started\n"));
    process_free(seen.process);
}

static void our_secrets_are_not_for_it(void **state)
{
    (void)state;
    struct seen seen;
    setenv("AUXOT_WORKER_KEY", "auxw_secret", 1);
    setenv("AUXOT_TEST_WORD", "ours", 1);
    setenv("AUXOT_SECRET_KEY", "also secret", 1);
    run(&seen, "env");
    struct str said = process_tail(seen.process);
    CHECK("no secret", !str_find(said, STR("secret"), NULL));
    CHECK("not ours where one was given", !str_find(said, STR("=ours"), NULL));
    CHECK("the rest", str_find(said, STR("PATH="), NULL));
    process_free(seen.process);
    unsetenv("AUXOT_WORKER_KEY");
    unsetenv("AUXOT_TEST_WORD");
    unsetenv("AUXOT_SECRET_KEY");
}

static void a_signal_reaches_it(void **state)
{
    (void)state;
    struct seen seen;
    struct error error;
    CHECK("started",
          start(&seen, "sh", "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.01; done",
                NULL, &error) == OK);
    while (seen.lines == 0)
        event_base_loop(loop_base(loop), EVLOOP_ONCE);
    process_signal(seen.process, SIGTERM);
    loop_run(loop);
    CHECK_INT("its own way out", seen.status, 0);
    CHECK_STR("its last word", seen.last, "bye");
    process_free(seen.process);
}

/* ---- what the cards' tools say --------------------------------------------------------------- */

static void memory_of_all_cards_is_added_up(void **state)
{
    (void)state;
    CHECK_INT("one", vram_of_nvidia(STR("143771\n")), 143771);
    CHECK_INT("two", vram_of_nvidia(STR("24576\n 24576\n")), 49152);
    CHECK_INT("none told", vram_of_nvidia(STR("[N/A]\n")), 0);
    CHECK_INT("trouble", vram_of_nvidia(STR("No devices were found\n")), 0);
    CHECK_INT("rocm",
              vram_of_rocm(STR("GPU[0]\t\t: VRAM Total Memory (B): 17163091968\n"
                               "GPU[0]\t\t: VRAM Total Used Memory (B): 10\n"
                               "GPU[1]\t\t: VRAM Total Memory (B): 17163091968\n")),
              2 * 16368);
    CHECK_INT("rocm without cards", vram_of_rocm(STR("ERROR: no GPU\n")), 0);
}

static int64_t known_mb;
static void on_known(void *owner, int64_t vram_mb)
{
    (void)owner;
    known_mb = vram_mb;
    loop_stop(loop);
}

/* A directory with one script in it, alone on PATH. */
static int64_t look_with(const char *name, const char *script, int64_t patience_ms)
{
    char dir[] = "/tmp/auxot-vram-XXXXXX", path[64];
    CHECK("a directory", mkdtemp(dir) != NULL);
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "w");
    fprintf(file, "#!/bin/sh\n%s\n", script);
    fclose(file);
    (void)chmod(path, 0755);
    char *before = strdup(getenv("PATH"));
    setenv("PATH", dir, 1);
    known_mb = -1;
    waits = 0;
    struct vram *vram = vram_look(loop, patience_ms, on_known, NULL);
    loop_run(loop);
    vram_free(vram);
    setenv("PATH", before, 1);
    free(before);
    unlink(path);
    rmdir(dir);
    return known_mb;
}

static void the_first_tool_that_knows_is_believed(void **state)
{
    (void)state;
    CHECK_INT("nvidia", look_with("nvidia-smi", "echo 8192; echo 8192", 30000), 16384);
    CHECK_INT("rocm", look_with("rocm-smi", "echo 'VRAM Total Memory (B): 1073741824'", 30000),
              1024);
    CHECK_INT("neither", look_with("other", "echo 1", 30000), 0);
    CHECK_INT("one that fails", look_with("nvidia-smi", "echo 5; exit 9", 30000), 0);
}

static void a_tool_that_hangs_holds_nobody_up(void **state)
{
    (void)state;
    CHECK_INT("not known", look_with("nvidia-smi", "while :; do :; done", 50), 0);
    CHECK_INT("nobody waited", waits, 0);
}

static int open_loop(void **state)
{
    struct error error;
    (void)state;
    return loop_new(-1, &loop, &error) == OK ? 0 : -1;
}

static int close_loop(void **state)
{
    (void)state;
    loop_free(loop);
    return 0;
}

#define ON_LOOP(test) cmocka_unit_test_setup_teardown(test, open_loop, close_loop)

TEST_MAIN(ON_LOOP(its_words_and_its_end_are_told), ON_LOOP(of_much_output_the_end_is_kept),
          ON_LOOP(what_cannot_be_run_is_said_at_once),
          ON_LOOP(freeing_kills_it_and_what_it_started),
          ON_LOOP(an_end_does_not_wait_for_whoever_holds_the_pipe), ON_LOOP(a_signal_reaches_it),
          ON_LOOP(our_secrets_are_not_for_it), TEST(memory_of_all_cards_is_added_up),
          ON_LOOP(the_first_tool_that_knows_is_believed),
          ON_LOOP(a_tool_that_hangs_holds_nobody_up))
