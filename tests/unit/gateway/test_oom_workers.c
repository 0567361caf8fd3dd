/* tests/unit/gateway/test_oom_workers.c: F62 with workers: registrations, connections, waits and jobs without memory. */
#include "gateway/workers.h"
#include "tests/unit/gateway/fake_worker.h"
#include "tests/unit/gateway/oom_stage.h"

static const char plain[] =
    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 193\r\n\r\n"
    "{\"id\":\"c\",\"object\":\"chat.completion\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
    "\"content\":\"hello\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1,\""
    "total\":2}}";

static struct answer play_job(struct stage *stage, const void *arg)
{
    (void)arg;
    return stage_ask(stage, "/api/openai/v1/chat/completions", "x-auxot-wait: 4s\r\n",
                     "{\"model\":\"m1\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}");
}

static struct answer play_registration(struct stage *stage, const void *arg)
{
    struct answer answer;
    char hello[256];
    (void)arg;
    snprintf(hello, sizeof hello, FAKE_HELLO, 0u, 1);
    (void)fake_post(stage, "register", hello, &answer);
    return answer;
}

static void F62_a_job_at_a_worker_without_memory(void **state)
{
    (void)state;
    struct stage stage = {.kind = "gpu", .has_workers = true};
    struct fake_worker worker = {.answer = plain};
    struct oom_scenario scenario = {.name = "a job", .good_status = 200, .play = play_job};
    oom_spare("writer");
    stage_begin(&stage, 1);
    fake_worker_begin(&worker, &stage);
    fake_worker_await(&worker, 1);
    oom_tell(&stage, &scenario);
    fake_worker_end(&worker);
    stage_end(&stage);
}

static void F62_a_registration_without_memory(void **state)
{
    (void)state;
    struct stage stage = {.kind = "gpu", .has_workers = true};
    struct oom_scenario scenario = {
        .name = "a registration", .good_status = 200, .play = play_registration};
    oom_spare("writer");
    stage_begin(&stage, 1);
    oom_tell(&stage, &scenario);
    stage_end(&stage);
}

TEST_MAIN(TEST(F62_a_job_at_a_worker_without_memory), TEST(F62_a_registration_without_memory))
