/* tests/unit/main/test_worker_gpu.c: the words of `auxot worker gpu`, and their twins in the environment. */
#include "main/worker_gpu.h"
#include "main/worker_run.h"
#include "sys/secret.h"

#include "tests/test.h"

#include <stdlib.h>

/* Each story: words, one variable, and what comes of it. */
static const struct story {
    const char *name, *words, *variable;
    const char *trouble; /* a part of the sentence; NULL: none */
    int models;
    const char *last_model, *program, *more;
    bool is_attached;
} stories[] = {
    // clang-format off
    {"one model",              "--model a.gguf", NULL, NULL, 1, "a.gguf", "llama-server", NULL},
    {"two, in their order",    "--model a.gguf --model=b.gguf", NULL, NULL, 2, "b.gguf", "llama-server", NULL},
    {"by the environment",     "", "AUXOT_MODEL=c.gguf", NULL, 1, "c.gguf", "llama-server", NULL},
    {"words before it",        "--model a.gguf", "AUXOT_MODEL=c.gguf", NULL, 1, "a.gguf", "llama-server", NULL},
    {"its program",            "--model a --llama-server /opt/ls", NULL, NULL, 1, "a", "/opt/ls", NULL},
    {"or by the environment",  "--model a", "AUXOT_LLAMA_SERVER=/opt/x", NULL, 1, "a", "/opt/x", NULL},
    {"options passed on",      "--model a -- -c 4096", NULL, NULL, 1, "a", "llama-server", "-c"},
    {"a model there is none",  "--model a -- --model b", NULL, "--model", 0, NULL, NULL, NULL},
    {"attached",               "--attach http://127.0.0.1:8080", NULL, NULL, 0, NULL, "llama-server", NULL, true},
    {"attached, environment",  "", "AUXOT_ATTACH=http://h:1", NULL, 0, NULL, "llama-server", NULL, true},
    {"neither",                "", NULL, "--attach", 0, NULL, NULL, NULL},
    {"both",                   "--model a --attach http://h", NULL, "not both", 0, NULL, NULL, NULL},
    {"no URL",                 "--attach h:1", NULL, "http", 0, NULL, NULL, NULL},
    {"options for nobody",     "--attach http://h -- -c 1", NULL, "started here", 0, NULL, NULL, NULL},
    {"its tools",              "--model a -- --tools all", NULL, "--tools", 0, NULL, NULL, NULL},
    {"an agent",               "--model a -- -c 1 --agent", NULL, "--agent", 0, NULL, NULL, NULL},
    {"a proxy",                "--model a -- --webui-mcp-proxy", NULL, "--webui-mcp-proxy", 0, NULL, NULL, NULL},
    {"another address",        "--model a -- --host=0.0.0.0", NULL, "127.0.0.1", 0, NULL, NULL, NULL},
    {"seventeen models",       "--model a --model a --model a --model a --model a --model a --model a --model a --model a --model a --model a --model a --model a --model a --model a --model a --model a", NULL, "at most 16", 0, NULL, NULL, NULL},
    // clang-format on
};

/* Splits by blanks, into `room`. */
static int split(const char *words, char *room, char **argv, int most)
{
    int argc = 0;
    strcpy(room, words);
    argv[argc++] = (char *)(uintptr_t) "gpu";
    for (char *word = strtok(room, " "); word && argc < most; word = strtok(NULL, " "))
        argv[argc++] = word;
    argv[argc] = NULL;
    return argc;
}

static void words_and_variables_are_understood(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(stories); i++) {
        const struct story *story = &stories[i];
        char room[1024], variable[64] = "";
        char *argv[64];
        struct gpu_flags flags;
        struct error error = {0};
        int argc = split(story->words, room, argv, 63);
        if (story->variable) {
            str_copy(str_of(story->variable), variable, sizeof variable);
            *strchr(variable, '=') = '\0';
            setenv(variable, strchr(story->variable, '=') + 1, 1);
        }
        enum err err = gpu_flags_read(&argc, argv, &flags, &error);
        if (story->variable)
            unsetenv(variable);
        CHECK(story->trouble ? story->name : error.text, (err == OK) == !story->trouble);
        if (story->trouble) {
            CHECK(error.text, str_find(str_of(error.text), str_of(story->trouble), NULL));
            continue;
        }
        CHECK_INT(story->name, argc, 1);
        CHECK_INT(story->name, flags.model_count, story->models);
        CHECK_INT(story->name, flags.is_attached, story->is_attached);
        CHECK_STR(story->name, flags.program, story->program);
        CHECK_STR(story->name, flags.more[0], story->more);
        if (story->models)
            CHECK_STR(story->name, flags.models[story->models - 1], story->last_model);
    }
}

static void the_key_leaves_no_trace(void **state)
{
    (void)state;
    char room[200];
    char *argv[16];
    struct worker_run run = {.command = "worker gpu"};
    struct error error = {0};
    int argc =
        split("--key auxw_secret --server http://h:8080 --parallel 3 --name n", room, argv, 15);
    setenv("AUXOT_GPU_KEY", "auxw_other", 1);
    CHECK("read", worker_run_read(&run, &argc, argv, &error) == OK);
    CHECK("kept", str_eq(secret_borrow(run.key), STR("auxw_secret")));
    for (size_t i = 0; i + 6 < sizeof room; i++)
        CHECK("not in the words", memcmp(room + i, "auxw_s", 6) != 0);
    CHECK("not in the environment", getenv("AUXOT_GPU_KEY") == NULL);
    CHECK_INT("jobs", run.parallel, 3);
    CHECK_STR("name", run.name, "n");
    CHECK_STR("server", run.server.authority, "h:8080");
    secret_free(run.key);
}

static const struct wrong {
    const char *words, *trouble;
} wrongs[] = {
    {"--server http://h", "--key is needed"},
    {"--key auxw_x", "--server is needed"},
    {"--key auxk_x --server http://h", "no worker key"},
    {"--key auxw_x --server h", "http"},
    {"--key auxw_x --server http://h --parallel 0", "--parallel"},
    {"--key auxw_x --server http://h --parallel x", "--parallel"},
    {"--key auxw_x --server http://h --log-level loud", "--log-level"},
};

static void what_makes_no_sense_is_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(wrongs); i++) {
        char room[200];
        char *argv[16];
        struct worker_run run = {.command = "worker gpu"};
        struct error error = {0};
        int argc = split(wrongs[i].words, room, argv, 15);
        CHECK(wrongs[i].words, worker_run_read(&run, &argc, argv, &error) == ERR_MALFORMED);
        CHECK(error.text, str_find(str_of(error.text), str_of(wrongs[i].trouble), NULL));
        secret_free(run.key);
    }
}

TEST_MAIN(TEST(words_and_variables_are_understood), TEST(the_key_leaves_no_trace),
          TEST(what_makes_no_sense_is_named))
