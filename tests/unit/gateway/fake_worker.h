/* tests/unit/gateway/fake_worker.h: a worker with one slot, on a thread with blocking sockets: it registers, opens its
 * connections, answers jobs with the bytes it was given, and begins anew whenever something goes wrong.
 *
 *     struct fake_worker worker = {.answer = SAY...};
 *     fake_worker_begin(&worker, &stage);
 *     fake_worker_await(&worker, 1);          it has said ready
 *     ...
 *     fake_worker_end(&worker);
 */
#pragma once
#include "gateway/workers.h"
#include "tests/unit/gateway/gateway_fixture.h"

#include <poll.h>

#define FAKE_HELLO                                                       \
    "{\"instance\":\"0123456789abcde%x\",\"kind\":\"gpu\",\"slots\":%d," \
    "\"models\":[{\"id\":\"m1\"}]}"
#define FAKE_102  "HTTP/1.1 102 Processing\r\n\r\n"
#define FAKE_BUSY "HTTP/1.1 503 Busy\r\nx-auxot-not-begun: 1\r\ncontent-length: 0\r\n\r\n"

struct fake_worker {
    const char *answer;        /* behind the 102 */
    unsigned number;           /* 0 to 15: of several */
    int slots;                 /* 0: one */
    int held_first;            /* so many are begun and never answered */
    int busy_first, cut_first; /* so many jobs are refused as not begun; cut after the 102 */
    bool says_at_once;         /* ready comes with the answer */
    int spoils;                /* so many jobs are followed by this frame: its op, 0 for a close */
    unsigned char spoils_with;
    const char *spoils_text;
    atomic_int spoilt;
    struct stage *stage;
    pthread_t thread;
    atomic_int readies, jobs, registrations;
    atomic_bool is_stopping, is_tired; /* now; when its connection closes */
    char id[40];
    long epoch;
};

/* One request with a whole answer; false when it came to nothing. */
static inline bool fake_post(const struct stage *stage, const char *what, const char *body,
                             struct answer *out_answer)
{
    char head[1024];
    struct buf raw;
    buf_init(&raw, 65536);
    int fd = client_open(stage);
    int len =
        snprintf(head, sizeof head,
                 "POST /api/worker/v1/%s HTTP/1.1\r\nhost: test\r\nauthorization: Bearer %s\r\n"
                 "content-type: application/json\r\ncontent-length: %zu\r\n"
                 "connection: close\r\n\r\n%s",
                 what, stage->worker_key, strlen(body), body);
    client_say(fd, head, (size_t)len);
    *out_answer = client_finish(fd, &raw);
    return out_answer->status == 200;
}

static inline bool fake_register(struct fake_worker *worker)
{
    struct answer answer;
    char hello[256];
    snprintf(hello, sizeof hello, FAKE_HELLO, worker->number, worker->slots ? worker->slots : 1);
    bool is_done = fake_post(worker->stage, "register", hello, &answer);
    if (is_done)
        is_done = sscanf(answer.body, "{\"worker_id\":\"%39[^\"]\",\"epoch\":%ld", worker->id,
                         &worker->epoch) == 2;
    answer_free(&answer);
    if (is_done)
        atomic_fetch_add(&worker->registrations, 1);
    return is_done;
}

/* ---- WebSockets: frames with a mask of zeroes -------------------------------------------------- */

#define FAKE_FRAME_MAX 4096

/* Returns its length. */
static inline size_t fake_frame(char frame[FAKE_FRAME_MAX], unsigned char op, const char *bytes,
                                size_t len)
{
    size_t at = 2;
    assert(len < FAKE_FRAME_MAX - 8);
    frame[0] = (char)(0x80 | op);
    frame[1] = (char)(0x80 | (len < 126 ? len : 126));
    if (len >= 126) {
        frame[at++] = (char)(len >> 8);
        frame[at++] = (char)len;
    }
    memset(frame + at, 0, 4);
    at += 4; /* the mask */
    memcpy(frame + at, bytes, len);
    return at + len;
}

static inline void fake_send(int fd, unsigned char op, const char *bytes, size_t len)
{
    char frame[FAKE_FRAME_MAX];
    client_say(fd, frame, fake_frame(frame, op, bytes, len));
}

static inline bool fake_read(int fd, void *room, size_t len)
{
    for (size_t at = 0; at < len;) {
        ssize_t n = recv(fd, (char *)room + at, len - at, 0);
        if (n <= 0)
            return false;
        at += (size_t)n;
    }
    return true;
}

/* The op of the next frame, its payload in `out`; 0 at the end. */
static inline int fake_receive(int fd, char *out, size_t room, size_t *out_len)
{
    unsigned char head[8];
    if (!fake_read(fd, head, 2))
        return 0;
    size_t len = head[1] & 0x7F;
    if (len == 126) {
        if (!fake_read(fd, head + 2, 2))
            return 0;
        len = (size_t)head[2] << 8 | head[3];
    }
    *out_len = len;
    return len < room && fake_read(fd, out, len) ? head[0] & 0x0F : 0;
}

static inline int fake_open(const struct fake_worker *worker, const char *what)
{
    char head[1024];
    struct buf raw;
    buf_init(&raw, 4096);
    int fd = client_open(worker->stage);
    int len = snprintf(head, sizeof head,
                       "GET /api/worker/v1/%s?worker_id=%s&epoch=%ld HTTP/1.1\r\nhost: test\r\n"
                       "authorization: Bearer %s\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
                       "sec-websocket-version: 13\r\n"
                       "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                       "sec-websocket-protocol: auxot.%s.v1\r\n\r\n",
                       what, worker->id, worker->epoch, worker->stage->worker_key, what);
    client_say(fd, head, (size_t)len);
    for (char c; !raw.data || !strstr(raw.data, "\r\n\r\n");) { /* no byte of a frame with it */
        if (recv(fd, &c, 1, 0) != 1)
            break;
        buf_append(&raw, &c, 1);
    }
    bool is_open = raw.data && strncmp(raw.data, "HTTP/1.1 101", 12) == 0;
    buf_release(&raw);
    if (is_open)
        return fd;
    close(fd);
    return -1;
}

/* ---- its life ---------------------------------------------------------------------------------- */

static inline size_t fake_ready_frame(const struct fake_worker *worker, char frame[FAKE_FRAME_MAX])
{
    char text[64];
    int len = snprintf(text, sizeof text, "{\"type\":\"ready\",\"epoch\":%ld}", worker->epoch);
    return fake_frame(frame, 1, text, (size_t)len);
}

static inline void fake_ready(struct fake_worker *worker, int fd)
{
    char frame[FAKE_FRAME_MAX];
    client_say(fd, frame, fake_ready_frame(worker, frame));
    atomic_fetch_add(&worker->readies, 1);
}

/* The answer and ready in one piece, so that the connection stays at hand; then what the story says. */
static inline bool fake_say_at_once(struct fake_worker *worker, int fd, int job)
{
    char all[2 * FAKE_FRAME_MAX];
    size_t len = fake_frame(all, 2, worker->answer, strlen(worker->answer));
    len += fake_ready_frame(worker, all + len);
    client_say(fd, all, len);
    atomic_fetch_add(&worker->readies, 1);
    if (job >= worker->spoils)
        return true;
    sleep_ms(20); /* it stays at hand for a second */
    if (worker->spoils_with)
        fake_send(fd, worker->spoils_with, worker->spoils_text, strlen(worker->spoils_text));
    atomic_fetch_add(&worker->spoilt, 1);
    return worker->spoils_with != 0 && worker->spoils_with != 8;
}

/* A whole request is there. False: the line is to be closed. */
static inline bool fake_do(struct fake_worker *worker, int fd)
{
    int job = atomic_fetch_add(&worker->jobs, 1);
    if (job < worker->busy_first) {
        fake_send(fd, 2, FAKE_BUSY, strlen(FAKE_BUSY));
        fake_ready(worker, fd);
        return true;
    }
    fake_send(fd, 2, FAKE_102, strlen(FAKE_102));
    if (job < worker->busy_first + worker->cut_first)
        return false;
    if (job < worker->busy_first + worker->cut_first + worker->held_first)
        return true;
    if (worker->says_at_once)
        return fake_say_at_once(worker, fd, job);
    fake_send(fd, 2, worker->answer, strlen(worker->answer));
    fake_ready(worker, fd);
    return true;
}

static inline bool fake_is_whole(const struct buf *request)
{
    const char *end = request->data ? strstr(request->data, "\r\n\r\n") : NULL;
    const char *length = request->data ? strstr(request->data, "content-length: ") : NULL;
    return end && length &&
           request->len >= (size_t)(end + 4 - request->data) + strtoul(length + 16, NULL, 10);
}

/* Serves one line until it closes. */
static inline void fake_serve(struct fake_worker *worker, int fd)
{
    static _Thread_local char piece[65536];
    struct buf request;
    buf_init(&request, 1 << 20);
    fake_ready(worker, fd);
    while (!atomic_load(&worker->is_stopping)) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        size_t len = 0;
        if (poll(&wait, 1, 20) == 0)
            continue;
        int op = fake_receive(fd, piece, sizeof piece, &len);
        if (op == 0 || op == 8)
            break;
        if (op == 9)
            fake_send(fd, 10, piece, len);
        if (op != 2)
            continue;
        buf_append(&request, piece, len);
        if (!fake_is_whole(&request))
            continue;
        buf_clear(&request);
        if (!fake_do(worker, fd))
            break;
    }
    buf_release(&request);
}

static inline void *fake_main(void *arg)
{
    struct fake_worker *worker = arg;
    bool is_registered = false;
    int control = -1;
    while (!atomic_load(&worker->is_stopping)) {
        if (!is_registered)
            is_registered = fake_register(worker);
        if (is_registered && control < 0)
            control = fake_open(worker, "control");
        int fd = is_registered && control >= 0 ? fake_open(worker, "reverse") : -1;
        if (fd < 0) { /* as after any trouble: from the beginning */
            if (control >= 0)
                close(control);
            control = -1;
            is_registered = false;
            sleep_ms(1);
            continue;
        }
        fake_serve(worker, fd);
        close(fd);
        if (atomic_load(&worker->is_tired))
            break;
    }
    if (control >= 0)
        close(control);
    return NULL;
}

static inline void fake_worker_begin(struct fake_worker *worker, struct stage *stage)
{
    worker->stage = stage;
    if (pthread_create(&worker->thread, NULL, fake_main, worker) != 0)
        abort();
}

static inline void fake_note_parked(void *arg, const struct worker_view *view)
{
    *(int64_t *)arg += view->parked;
}

/* Of all workers: connections that the dispatcher counts on. */
static inline int64_t fake_parked(const struct fake_worker *worker)
{
    int64_t parked = 0;
    struct workers *workers = gateway_workers(worker->stage->gateway);
    CHECK_INT("listed", workers_each(workers, fake_note_parked, &parked), OK);
    return parked;
}

/* Waits until it has said ready so many times, and a job can be given to it (not only: that the words are sent). */
static inline void fake_worker_await(struct fake_worker *worker, int readies)
{
    int64_t until_ms = clock_monotonic_ms() + IDLE_WAIT_MS;
    while ((atomic_load(&worker->readies) < readies || fake_parked(worker) == 0) &&
           clock_monotonic_ms() < until_ms)
        sleep_ms(1);
    CHECK("the worker is ready",
          atomic_load(&worker->readies) >= readies && fake_parked(worker) > 0);
}

static inline void fake_worker_end(struct fake_worker *worker)
{
    atomic_store(&worker->is_stopping, true);
    pthread_join(worker->thread, NULL);
}
