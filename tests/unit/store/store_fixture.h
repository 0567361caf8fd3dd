/* tests/unit/store/store_fixture.h: a store in a fresh directory, and jobs to put into it. */
#pragma once
#include "base/mem.h"
#include "store/job_row.h"
#include "store/store.h"
#include "sys/random.h"
#include "sys/vault.h"

#include <assert.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIXTURE_SECRET "a secret of the test fixtures, 0123456789"
#define FIXTURE_TIME   INT64_C(1790000000000)

struct fixture {
    char dir[64];
    struct vault *vault;
    struct store *store;
};

static inline void fixture_remove_dir(const char *path)
{
    DIR *directory = opendir(path);
    if (!directory)
        return;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        char below[512];
        int len = snprintf(below, sizeof below, "%s/%s", path, entry->d_name);
        assert(len > 0 && (size_t)len < sizeof below);
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (unlink(below) != 0)
            fixture_remove_dir(below);
    }
    closedir(directory);
    rmdir(path);
}

static inline void fixture_open(struct fixture *fixture, int journals, int64_t chunk_rows)
{
    struct error error = {0};
    struct store_options options = {
        .data_dir = fixture->dir, .journal_count = journals, .chunk_rows = chunk_rows};
    enum err err = store_open(&options, fixture->vault, &fixture->store, &error);
    if (err != OK) {
        fprintf(stderr, "store_open: %s\n", error.text);
        abort();
    }
}

static inline void fixture_begin(struct fixture *fixture)
{
    struct error error = {0};
    *fixture = (struct fixture){.dir = "/tmp/auxot-store-XXXXXX"};
    if (!mkdtemp(fixture->dir) || vault_new(STR(FIXTURE_SECRET), &fixture->vault, &error) != OK)
        abort();
}

static inline void fixture_close(struct fixture *fixture)
{
    store_close(fixture->store);
    fixture->store = NULL;
}

static inline void fixture_end(struct fixture *fixture)
{
    fixture_close(fixture);
    vault_free(fixture->vault);
    fixture_remove_dir(fixture->dir);
}

static inline void fixture_job(struct job_record *job, int64_t created_at_ms, int number)
{
    uint8_t random[10];
    random_fill(random, sizeof random);
    *job = (struct job_record){
        .status = JOB_OPEN,
        .dialect = "openai",
        .endpoint = "chat_completions",
        .source = "api",
        .requested_model = "auto",
        .model = "gpt-test",
        .provider_id = "prv_01jz0000000000000000000000",
        .provider_name = "Cloud",
        .key_id = "key_01jz0000000000000000000000",
        .key_name = "laptop",
        .is_stream = true,
        .created_at_ms = created_at_ms,
        .queued_ms = -1,
        .first_byte_ms = -1,
        .duration_ms = -1,
        .usage = {-1, -1, -1, -1, -1, false},
        .cost_microusd = -1,
        .config_version = 7,
        .bytes_in = number,
        .attempt_count = 1,
        .attempt = {{.seq = 1,
                     .provider_id = "prv_01jz0000000000000000000000",
                     .provider_name = "Cloud",
                     .model = "gpt-test",
                     .started_at_ms = created_at_ms,
                     .first_byte_ms = -1,
                     .input_tokens = -1,
                     .output_tokens = -1}},
    };
    id_make("job_", created_at_ms, random, job->id);
}

static inline void fixture_job_close(struct job_record *job)
{
    job->status = JOB_DONE;
    str_copy(STR("ok"), job->reason, sizeof job->reason);
    job->http_status = 200;
    job->duration_ms = 1200;
    job->usage.input_tokens = 10;
    job->usage.output_tokens = 20;
    str_copy(STR("ok"), job->attempt[0].outcome, sizeof job->attempt[0].outcome);
    job->attempt[0].http_status = 200;
    job->attempt[0].ended_at_ms = job->created_at_ms + 1200;
}
