/* tests/unit/gateway/worker_stories.h: what the stories about jobs at workers ask, answer, and look at in the end. */
#pragma once
#include "tests/unit/gateway/fake_worker.h"

#define CHAT "/api/openai/v1/chat/completions"
#define ASK  "{\"model\":\"m1\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}"
#define WHOLE                                                                                           \
    "{\"id\":\"c\",\"object\":\"chat.completion\",\"choices\":[{\"index\":0,\"message\":{\"role\":"     \
    "\"assistant\",\"content\":\"hello\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1," \
    "\"completion_tokens\":1,\"total_tokens\":2}}"

static inline char *answer_text(const char *status, const char *body)
{
    char *text = malloc(strlen(body) + 256);
    sprintf(text, "HTTP/1.1 %s\r\ncontent-type: application/json\r\ncontent-length: %zu\r\n\r\n%s",
            status, strlen(body), body);
    return text;
}

static inline struct workers_figures figures_of(struct stage *stage)
{
    struct workers_figures figures;
    workers_figures(gateway_workers(stage->gateway), &figures);
    return figures;
}

/* Leases, tickets and lines: whatever was taken is back. */
static inline void check_idle(struct stage *stage, const char *name)
{
    CHECK(name, stage_is_idle(stage));
    struct live_provider *live = stage_live(stage, 0);
    int64_t until_ms = clock_monotonic_ms() + IDLE_WAIT_MS;
    int64_t busy = 1;
    while (busy != 0 && clock_monotonic_ms() < until_ms) {
        pthread_mutex_lock(&live->lock);
        busy = live->slot_figures.busy;
        pthread_mutex_unlock(&live->lock);
        sleep_ms(1);
    }
    CHECK_INT(name, busy, 0);
    CHECK_INT(name, figures_of(stage).waiting, 0);
}
