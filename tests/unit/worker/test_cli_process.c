/* A program on a loop: its lines, what it is told, how it ends. /bin/sh plays the programs. */
#include "base/mem.h"
#include "sys/clock.h"
#include "worker/cli_process.h"

#include "tests/test.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

struct stage {
    struct loop *loop;
    struct cli_process *process;
    struct buf lines;   /* each followed by '|' */
    int status;         /* -1: it runs */
    useconds_t line_us; /* how long a line takes here */
    struct deadline limit;
};

static void on_line(void *owner, struct str line)
{
    struct stage *stage = owner;
    if (stage->line_us)
        usleep(stage->line_us);
    buf_append_str(&stage->lines, line);
    buf_putc(&stage->lines, '|');
}

static void on_read(void *owner)
{
    (void)owner;
}

static void on_ended(void *owner, int status)
{
    struct stage *stage = owner;
    stage->status = status;
    loop_stop(stage->loop);
}

static const struct cli_process_ops ops = {
    .on_line = on_line, .on_read = on_read, .on_ended = on_ended};

static void on_limit(struct deadline *deadline)
{
    loop_stop(deadline->loop);
}

static void begin(struct stage *stage, const char *script)
{
    struct error error = {0};
    *stage = (struct stage){.status = -1};
    buf_init(&stage->lines, 1u << 20);
    CHECK_INT("loop", loop_new(-1, &stage->loop, &error), OK);
    const char *args[] = {"/bin/sh", "-c", script, NULL};
    const char *env[] = {"GIVEN=given"};
    CHECK_INT(error.text,
              cli_process_start(&(struct cli_process_options){.loop = stage->loop,
                                                              .args = args,
                                                              .env = env,
                                                              .env_count = 1,
                                                              .line_max_bytes = 1000},
                                &ops, stage, &stage->process, &error),
              OK);
    deadline_init(&stage->limit, stage->loop, on_limit);
    deadline_set(&stage->limit, loop_refresh_now(stage->loop) + INT64_C(30000000000));
}

static void run_for(struct stage *stage, int64_t ms)
{
    deadline_set(&stage->limit, loop_refresh_now(stage->loop) + ms * 1000000);
    loop_run(stage->loop);
    deadline_set(&stage->limit, loop_refresh_now(stage->loop) + INT64_C(30000000000));
}

static void end(struct stage *stage)
{
    deadline_release(&stage->limit);
    cli_process_free(stage->process);
    loop_free(stage->loop);
    buf_release(&stage->lines);
}

static void tell(struct stage *stage, const char *text)
{
    AUTO_BUF struct buf bytes;
    buf_init(&bytes, 1u << 20);
    buf_puts(&bytes, text);
    cli_process_write(stage->process, &bytes);
}

static void lines_come_whole_and_the_last_with_its_end(void **state)
{
    struct stage stage;
    (void)state;
    begin(&stage, "printf 'one\\ntw'; printf 'o\\n\\n'; echo oops >&2; exit 3");
    loop_run(stage.loop);
    CHECK_STR("lines", stage.lines.data, "one|two||");
    CHECK_INT("status", stage.status, 3);
    CHECK("what it complained of", str_eq(cli_process_stderr(stage.process), STR("oops\n")));
    end(&stage);
}

static void it_hears_what_it_is_told_and_the_end_of_it(void **state)
{
    struct stage stage;
    (void)state;
    begin(&stage, "while read -r line; do echo \"heard $line\"; done; echo bye");
    tell(&stage, "a\nb\n");
    cli_process_close_input(stage.process);
    loop_run(stage.loop);
    CHECK_STR("lines", stage.lines.data, "heard a|heard b|bye|");
    CHECK_INT("status", stage.status, 0);
    end(&stage);
}

static void a_line_without_end_is_passed_over(void **state)
{
    struct stage stage;
    (void)state;
    begin(&stage, "echo before; head -c 5000 /dev/zero | tr '\\0' x; echo; echo behind");
    loop_run(stage.loop);
    CHECK_STR("lines", stage.lines.data, "before|behind|");
    end(&stage);
}

/* 3,000 bytes are below PIPE_BUF: one write, one read. */
static void a_long_line_that_comes_at_once_is_passed_over_too(void **state)
{
    struct stage stage;
    (void)state;
    begin(&stage, "printf 'before\\n%3000d\\nbehind\\n' 1");
    loop_run(stage.loop);
    CHECK_STR("lines", stage.lines.data, "before|behind|");
    end(&stage);
}

static void our_secrets_are_not_for_it(void **state)
{
    struct stage stage;
    (void)state;
    setenv("AUXOT_WORKER_KEY", "auxw_secret", 1);
    setenv("CLAUDECODE", "1", 1);
    setenv("GIVEN", "ours", 1);
    begin(&stage, "echo \"[$AUXOT_WORKER_KEY][$CLAUDECODE][$GIVEN][${PATH:+path}]\"");
    loop_run(stage.loop);
    CHECK_STR("lines", stage.lines.data, "[][][given][path]|");
    end(&stage);
}

static void a_stubborn_group_is_made_to_go(void **state)
{
    struct stage stage;
    (void)state;
    begin(&stage, "trap '' TERM; sleep 300 & echo $!; wait; wait; sleep 300");
    while (!stage.lines.len)
        event_base_loop(loop_base(stage.loop), EVLOOP_ONCE);
    pid_t helper = (pid_t)strtol(stage.lines.data, NULL, 10);
    int64_t before_ms = clock_monotonic_ms();
    loop_refresh_now(stage.loop);
    cli_process_stop(stage.process, 50);
    loop_run(stage.loop);
    CHECK_INT("status", stage.status, 128 + SIGKILL);
    CHECK("after SIGTERM had its time", clock_monotonic_ms() - before_ms >= 2000);
    end(&stage);
    for (int i = 0; i < 1000 && kill(helper, 0) == 0; i++)
        usleep(10000); /* init has to take it away */
    CHECK("what it started too", kill(helper, 0) != 0);
}

/* Ended before anybody looks: more complaints wait than one read takes, and the last words are what counts. */
static void the_last_of_many_complaints_is_kept(void **state)
{
    struct stage stage;
    siginfo_t info;
    (void)state;
    begin(&stage, "printf '%60000d' 1 >&2; printf 'last words' >&2; echo said");
    CHECK("over", waitid(P_ALL, 0, &info, WEXITED | WNOWAIT) == 0);
    loop_run(stage.loop);
    CHECK_STR("lines", stage.lines.data, "said|");
    CHECK("its last words", str_ends(cli_process_stderr(stage.process), STR("1last words")));
    end(&stage);
}

/* What it started in a session of its own outlives its group, and fills the pipe faster than this reader empties it. */
static void whoever_goes_on_writing_does_not_hold_its_end_up(void **state)
{
    struct stage stage;
    (void)state;
    begin(&stage, "setsid yes $(printf %0900d 1) & setsid yes >&2 & sleep 0.1; exit 4");
    stage.line_us = 500;
    loop_run(stage.loop);
    CHECK_INT("status", stage.status, 4);
    end(&stage); /* with its pipes, `yes` goes as well */
}

static void freeing_ends_it(void **state)
{
    struct stage stage;
    (void)state;
    begin(&stage, "echo $$; sleep 300");
    while (!stage.lines.len)
        event_base_loop(loop_base(stage.loop), EVLOOP_ONCE);
    pid_t pid = (pid_t)strtol(stage.lines.data, NULL, 10);
    end(&stage);
    CHECK("gone", kill(pid, 0) != 0);
}

static void paused_lines_wait(void **state)
{
    struct stage stage;
    (void)state;
    begin(&stage, "echo a");
    cli_process_pause(stage.process, true);
    run_for(&stage, 200);
    CHECK_INT("nothing was told, not even the end", stage.lines.len + (stage.status != -1), 0);
    cli_process_pause(stage.process, false);
    loop_run(stage.loop);
    CHECK_STR("lines", stage.lines.data, "a|");
    CHECK_INT("status", stage.status, 0);
    end(&stage);
}

static void a_program_that_is_not_there_ends_with_127(void **state)
{
    struct stage stage = {.status = -1};
    struct error error = {0};
    const char *args[] = {"/nonexistent/tool", NULL};
    (void)state;
    buf_init(&stage.lines, 1000);
    CHECK_INT("loop", loop_new(-1, &stage.loop, &error), OK);
    CHECK_INT(
        "start",
        cli_process_start(
            &(struct cli_process_options){.loop = stage.loop, .args = args, .line_max_bytes = 1000},
            &ops, &stage, &stage.process, &error),
        OK);
    deadline_init(&stage.limit, stage.loop, on_limit);
    loop_run(stage.loop);
    CHECK_INT("status", stage.status, 127);
    end(&stage);
}

static void loud_and_large_goes_through(void **state)
{
    struct stage stage;
    AUTO_BUF struct buf bytes;
    (void)state;
    buf_init(&bytes, 8u << 20);
    for (int i = 0; i < 100000; i++)
        buf_puts(&bytes, "twenty bytes of text\n");
    begin(&stage, "wc -c");
    cli_process_write(stage.process, &bytes);
    cli_process_close_input(stage.process);
    loop_run(stage.loop);
    CHECK_STR("all of it", stage.lines.data, "2100000|");
    end(&stage);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_come_whole_and_the_last_with_its_end),
        cmocka_unit_test(it_hears_what_it_is_told_and_the_end_of_it),
        cmocka_unit_test(a_line_without_end_is_passed_over),
        cmocka_unit_test(a_long_line_that_comes_at_once_is_passed_over_too),
        cmocka_unit_test(our_secrets_are_not_for_it),
        cmocka_unit_test(a_stubborn_group_is_made_to_go),
        cmocka_unit_test(the_last_of_many_complaints_is_kept),
        cmocka_unit_test(whoever_goes_on_writing_does_not_hold_its_end_up),
        cmocka_unit_test(freeing_ends_it),
        cmocka_unit_test(paused_lines_wait),
        cmocka_unit_test(a_program_that_is_not_there_ends_with_127),
        cmocka_unit_test(loud_and_large_goes_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
