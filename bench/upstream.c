/* upstream.c: the upstream of the benchmark. One thread, one epoll, fixed answers.
 *
 *     upstream PORT                             listens, as a provider does
 *     upstream worker GATEWAY-PORT KEY SLOTS    dials in to the gateway, as a worker does, and answers the same there
 *
 * `auxot simulate` could carry the small requests, but three things here it has no business to do: its
 * events hold no time of sending (so that a relay's delay could not be told), it builds each answer anew
 * (so that the load's core would fill before the server's), and it does not tell the moment at which a
 * peer left to a nanosecond. The model's name is the script:
 *
 *   plain       a completion of about 600 bytes
 *   sse-N-G     N stamped events of about 200 bytes, G ms apart; G = 0: ten at a time, as fast as it goes
 *   idle        one stamped event, then nothing until the peer leaves
 *   fill-N      N MB in events of 1 KB, as fast as the peer reads
 *
 * Below the path /tenth/ every tenth request is answered with a 500; GET /failover tells how long the gateway then took to
 * ask here again, by another path. GET /v1/models lists the names in use. GET /watch streams a stamp for every peer that leaves a stream
 * that has not ended. Only Content-Length bodies, no pipelining: proxies send nothing else.
 */
#include "reverse.h"
#include "samples.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define MS          1000000u
#define PEERS_MAX   20000
#define HEAD_MAX    8192u
#define BATCH_BYTES 16384u
#define BODY_START  512u
#define READY_MAX   512
#define SLOTS_OF_ONE 1000
#define BEAT_NS      (10000ull * MS)

enum answer { ANSWER_PLAIN, ANSWER_MODELS, ANSWER_EVENTS, ANSWER_IDLE, ANSWER_FILL, ANSWER_WATCH };
enum way { WAY_PLAIN, WAY_LINE, WAY_CONTROL }; /* the last two: WebSockets of a worker */

struct peer {
    int fd;
    uint32_t armed;
    char *head; /* HEAD_MAX; of the request */
    size_t head_len;
    uint64_t body_left;
    char body[BODY_START]; /* its beginning */
    size_t body_len;
    bool wants_usage;

    enum answer answer;
    bool is_streaming;
    unsigned events_left;
    uint64_t gap_ns, due_ns;
    uint64_t bytes_left;        /* fill */
    struct peer *before, *next; /* in the queue of those that wait for their time */
    bool is_queued;
    char *out; /* what the socket did not take */
    size_t out_len;

    enum way way;
    long epoch, slots;
    struct frame_reader frames;
};

static int epoll;
static struct peer *by_fd[PEERS_MAX];
static struct peer queue = {.before = &queue, .next = &queue};
static struct peer *watcher;
static struct samples failovers;
static uint64_t failed_at_ns, next_beat_ns = UINT64_MAX;

/* ---- the queue: all gaps of a run are equal, so the end is always the latest --------------------- */

static void queue_add(struct peer *peer)
{
    peer->before = queue.before;
    peer->next = &queue;
    queue.before->next = peer;
    queue.before = peer;
    peer->is_queued = true;
}

static void queue_remove(struct peer *peer)
{
    if (!peer->is_queued)
        return;
    peer->before->next = peer->next;
    peer->next->before = peer->before;
    peer->is_queued = false;
}

/* ---- sockets --------------------------------------------------------------------------------- */

static void arm(struct peer *peer, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.fd = peer->fd};
    if (peer->armed != events && epoll_ctl(epoll, EPOLL_CTL_MOD, peer->fd, &event) != 0)
        die("epoll_ctl: %s", strerror(errno));
    peer->armed = events;
}

/* Sends, and keeps what does not go; false when the peer is gone. */
static bool send_raw(struct peer *peer, const char *bytes, size_t len)
{
    ssize_t sent = send(peer->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN)
        return false;
    size_t taken = sent < 0 ? 0 : (size_t)sent;
    if (taken == len)
        return true;
    if (!peer->out)
        peer->out = malloc(BATCH_BYTES);
    if (!peer->out || len - taken > BATCH_BYTES)
        die("no room for %zu bytes", len - taken);
    memmove(peer->out, bytes + taken, len - taken);
    peer->out_len = len - taken;
    arm(peer, EPOLLIN | EPOLLOUT);
    return true;
}

/* The same, in a frame where the peer is a gateway that was dialled. */
static bool send_bytes(struct peer *peer, const char *bytes, size_t len)
{
    char frame[BATCH_BYTES + FRAME_HEAD_MAX];
    if (peer->way == WAY_PLAIN)
        return send_raw(peer, bytes, len);
    if (len > BATCH_BYTES)
        die("no room for a frame of %zu bytes", len);
    return send_raw(peer, frame, frame_write(frame, FRAME_BYTES, bytes, len));
}

static bool send_text(struct peer *peer, const char *text)
{
    char frame[256];
    return send_raw(peer, frame, frame_write(frame, FRAME_TEXT, text, strlen(text)));
}

/* An answer has gone out whole: the next job may come. */
static bool end_answer(struct peer *peer)
{
    char text[64];
    if (peer->way != WAY_LINE)
        return true;
    snprintf(text, sizeof text, "{\"type\":\"ready\",\"epoch\":%ld}", peer->epoch);
    return send_text(peer, text);
}

static void tell_watcher(void)
{
    char text[64], chunk[96];
    if (!watcher)
        return;
    int len = snprintf(text, sizeof text, "@%019llu@\n", (unsigned long long)now_ns());
    int all = snprintf(chunk, sizeof chunk, "%x\r\n%s\r\n", (unsigned)len, text);
    (void)send(watcher->fd, chunk, (size_t)all, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void drop(struct peer *peer)
{
    if (peer == watcher)
        watcher = NULL;
    else if (peer->is_streaming)
        tell_watcher();
    queue_remove(peer);
    by_fd[peer->fd] = NULL;
    close(peer->fd);
    free(peer->out);
    free(peer->head);
    free(peer);
}

/* ---- answers --------------------------------------------------------------------------------- */

static const char stream_head[] = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
                                  "cache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n";
static const char models_body[] =
    "{\"object\":\"list\",\"data\":["
    "{\"id\":\"plain\",\"object\":\"model\",\"created\":1700000000,\"owned_by\":\"bench\"},"
    "{\"id\":\"gpt-5.4-nano\",\"object\":\"model\",\"created\":1700000000,\"owned_by\":\"bench\"},"
    "{\"id\":\"sse-50-20\",\"object\":\"model\",\"created\":1700000000,\"owned_by\":\"bench\"},"
    "{\"id\":\"sse-1000-0\",\"object\":\"model\",\"created\":1700000000,\"owned_by\":\"bench\"},"
    "{\"id\":\"idle\",\"object\":\"model\",\"created\":1700000000,\"owned_by\":\"bench\"},"
    "{\"id\":\"fill-55\",\"object\":\"model\",\"created\":1700000000,\"owned_by\":\"bench\"}]}";
static const char plain_body[] =
    "{\"id\":\"chatcmpl-0123456789abcdef0123456789abcdef\",\"object\":\"chat.completion\","
    "\"created\":1700000000,\"model\":\"plain\",\"service_tier\":\"default\","
    "\"system_fingerprint\":\"fp_bench\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
    "\"content\":\"The quick brown fox jumps over the lazy dog.\",\"refusal\":null,"
    "\"annotations\":[]},\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":{"
    "\"prompt_tokens\":250,\"completion_tokens\":10,\"total_tokens\":260,\"prompt_tokens_details\":"
    "{\"cached_tokens\":0,\"audio_tokens\":0},\"completion_tokens_details\":{\"reasoning_tokens\":0,"
    "\"audio_tokens\":0}}}";
static const char usage_event[] =
    "data: {\"id\":\"chatcmpl-0123456789abcdef0123456789abcdef\",\"object\":"
    "\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"bench\",\"choices\":[],\"usage\":"
    "{\"prompt_tokens\":250,\"completion_tokens\":50,\"total_tokens\":300}}\n\n";

static size_t write_chunk(char *room, const char *bytes, size_t len)
{
    size_t at = (size_t)sprintf(room, "%zx\r\n", len);
    memcpy(room + at, bytes, len);
    memcpy(room + at + len, "\r\n", 2);
    return at + len + 2;
}

/* One event in a chunk of its own; `filler` bytes of text behind the stamp. */
static size_t write_event(const struct peer *peer, char *room, size_t filler)
{
    static const char x[1024] = {[0 ... 1023] = 'x'};
    char event[2048];
    int len = snprintf(
        event, sizeof event,
        "data: {\"id\":\"chatcmpl-0123456789abcdef0123456789abcdef\",\"object\":"
        "\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"bench\",\"choices\":[{\"index\":0,"
        "\"delta\":{\"content\":\"@%019llu@%.*s\"},\"finish_reason\":null}]%s}\n\n",
        (unsigned long long)now_ns(), (int)filler, x, peer->wants_usage ? ",\"usage\":null" : "");
    return write_chunk(room, event, (size_t)len);
}

static size_t write_end(const struct peer *peer, char *room)
{
    size_t len = peer->wants_usage ? write_chunk(room, usage_event, sizeof usage_event - 1) : 0;
    static const char done[] = "e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n";
    memcpy(room + len, done, sizeof done - 1);
    return len + sizeof done - 1;
}

static bool answer_json(struct peer *peer, const char *status, const char *body, size_t body_len)
{
    char bytes[2048];
    int len = snprintf(bytes, sizeof bytes,
                       "HTTP/1.1 %s\r\ncontent-type: application/json\r\n"
                       "content-length: %zu\r\n\r\n%.*s",
                       status, body_len, (int)body_len, body);
    return send_bytes(peer, bytes, (size_t)len) && end_answer(peer);
}

/* The next batch of an unpaced stream; the end is part of the last. */
static bool send_batch(struct peer *peer)
{
    char bytes[BATCH_BYTES];
    size_t len = 0;
    if (peer->answer == ANSWER_FILL)
        for (int i = 0; i < 10 && peer->bytes_left > 0; i++) {
            len += write_event(peer, bytes + len, 800);
            peer->bytes_left -= peer->bytes_left < 1000 ? peer->bytes_left : 1000;
        }
    else
        for (int i = 0; i < 10 && peer->events_left > 0; i++, peer->events_left--)
            len += write_event(peer, bytes + len, 1);
    if (peer->bytes_left == 0 && peer->events_left == 0) {
        len += write_end(peer, bytes + len);
        peer->is_streaming = false;
    }
    return send_bytes(peer, bytes, len) && (peer->is_streaming || end_answer(peer));
}

static bool begin_stream(struct peer *peer)
{
    char bytes[BATCH_BYTES];
    size_t len = sizeof stream_head - 1;
    memcpy(bytes, stream_head, len);
    peer->is_streaming = true;
    if (peer->answer == ANSWER_IDLE)
        len += write_event(peer, bytes + len, 1);
    if (peer->answer == ANSWER_WATCH)
        watcher = peer;
    if (!send_bytes(peer, bytes, len))
        return false;
    if (peer->answer == ANSWER_EVENTS && peer->gap_ns > 0) {
        peer->due_ns = now_ns() + peer->gap_ns;
        queue_add(peer);
    } else if (peer->answer == ANSWER_EVENTS || peer->answer == ANSWER_FILL) {
        arm(peer, EPOLLIN | EPOLLOUT);
    }
    return true;
}

/* A paced stream's time has come. */
static bool send_due(struct peer *peer)
{
    char bytes[2048];
    queue_remove(peer);
    if (peer->out_len > 0) { /* its reader is slow: later */
        peer->due_ns += peer->gap_ns;
        queue_add(peer);
        return true;
    }
    size_t len = write_event(peer, bytes, 1);
    if (--peer->events_left == 0) {
        len += write_end(peer, bytes + len);
        peer->is_streaming = false;
    } else {
        peer->due_ns += peer->gap_ns;
        queue_add(peer);
    }
    return send_bytes(peer, bytes, len) && (peer->is_streaming || end_answer(peer));
}

static bool is_model(const struct peer *peer, const char *prefix, unsigned *first, unsigned *second)
{
    const char *model = strstr(peer->body, "\"model\":\"");
    size_t len = strlen(prefix);
    if (!model || strncmp(model + 9, prefix, len) != 0)
        return false;
    char *end;
    *first = (unsigned)strtoul(model + 9 + len, &end, 10);
    *second = *end == '-' ? (unsigned)strtoul(end + 1, NULL, 10) : 0;
    return true;
}

/* Every tenth fails, and the clock runs until what the gateway does about it arrives. */
static bool fail_or_answer(struct peer *peer)
{
    static const char refusal[] = "{\"error\":{\"message\":\"on purpose\"}}";
    static unsigned count;
    if (++count % 10 != 0)
        return answer_json(peer, "200 OK", plain_body, sizeof plain_body - 1);
    failed_at_ns = now_ns();
    return answer_json(peer, "500 Internal Server Error", refusal, sizeof refusal - 1);
}

static bool answer_failovers(struct peer *peer)
{
    char text[256];
    int len = samples_write(&failovers, "failover", text, sizeof text);
    failovers.count = 0;
    return answer_json(peer, "200 OK", text, (size_t)len);
}

static bool answer(struct peer *peer)
{
    unsigned first = 0, second = 0;
    if (strncmp(peer->head, "POST /tenth/", 12) == 0)
        return fail_or_answer(peer);
    if (strncmp(peer->head, "GET /failover", 13) == 0)
        return answer_failovers(peer);
    if (strncmp(peer->head, "GET /watch", 10) == 0)
        peer->answer = ANSWER_WATCH;
    else if (strncmp(peer->head, "GET ", 4) == 0)
        return answer_json(peer, "200 OK", models_body, sizeof models_body - 1);
    else if (is_model(peer, "sse-", &first, &second))
        peer->answer = ANSWER_EVENTS;
    else if (is_model(peer, "idle", &first, &second))
        peer->answer = ANSWER_IDLE;
    else if (is_model(peer, "fill-", &first, &second))
        peer->answer = ANSWER_FILL;
    else
        return answer_json(peer, "200 OK", plain_body, sizeof plain_body - 1);
    peer->events_left = peer->answer == ANSWER_EVENTS ? first : 0;
    peer->bytes_left = peer->answer == ANSWER_FILL ? first * 1000000ull : 0;
    peer->gap_ns = (uint64_t)second * MS;
    return begin_stream(peer);
}

/* ---- requests -------------------------------------------------------------------------------- */

static uint64_t content_length(const char *head)
{
    for (const char *line = strchr(head, '\n'); line; line = strchr(line + 1, '\n'))
        if (strncasecmp(line + 1, "content-length:", 15) == 0)
            return strtoull(line + 16, NULL, 10);
    return 0;
}

/* Takes bytes of the head; says how many, or 0 when it is too long. */
static size_t take_head(struct peer *peer, const char *bytes, size_t len)
{
    size_t room = HEAD_MAX - 1 - peer->head_len, before = peer->head_len;
    size_t copied = len < room ? len : room;
    if (!peer->head)
        peer->head = malloc(HEAD_MAX);
    if (!peer->head)
        die("no memory");
    memcpy(peer->head + before, bytes, copied);
    peer->head_len += copied;
    peer->head[peer->head_len] = '\0';
    const char *end = strstr(peer->head, "\r\n\r\n");
    if (!end)
        return copied;
    if (failed_at_ns && strncmp(peer->head, "POST /v1/", 9) == 0) {
        samples_add(&failovers, now_ns() - failed_at_ns);
        failed_at_ns = 0;
    }
    peer->body_left = content_length(peer->head) + 1; /* + 1: the head is complete */
    peer->body_len = 0;
    peer->wants_usage = false;
    return (size_t)(end + 4 - peer->head) - before;
}

static void take_body(struct peer *peer, const char *bytes, size_t len)
{
    size_t room = BODY_START - 1 - peer->body_len;
    size_t copied = len < room ? len : room;
    memcpy(peer->body + peer->body_len, bytes, copied);
    peer->body_len += copied;
    peer->body[peer->body_len] = '\0';
    if (len < 8192)
        peer->wants_usage |= memmem(bytes, len, "include_usage", 13) != NULL;
    peer->body_left -= len;
}

static bool take(struct peer *peer, const char *bytes, size_t len)
{
    while (len > 0) {
        if (peer->body_left == 0) {
            static const char begun[] = "HTTP/1.1 102 Processing\r\n\r\n";
            size_t taken = take_head(peer, bytes, len);
            if (taken == 0 || (peer->way == WAY_LINE && peer->body_left > 0 &&
                               !send_bytes(peer, begun, sizeof begun - 1)))
                return false;
            bytes += taken;
            len -= taken;
        }
        if (peer->body_left > 1) {
            size_t taken = len < peer->body_left - 1 ? len : (size_t)(peer->body_left - 1);
            take_body(peer, bytes, taken);
            bytes += taken;
            len -= taken;
        }
        if (peer->body_left == 1) {
            peer->body_left = 0;
            peer->head_len = 0;
            if (!answer(peer))
                return false;
        }
    }
    return true;
}

/* ---- a worker's WebSockets --------------------------------------------------------------------- */

static bool take_frames(struct peer *peer, const char *bytes, size_t len)
{
    const char *piece;
    size_t piece_len;
    while (frame_next(&peer->frames, &bytes, &len, &piece, &piece_len)) {
        char pong[FRAME_HEAD_MAX];
        if (peer->frames.type == FRAME_CLOSE)
            return false;
        if (peer->frames.type == FRAME_PING && peer->frames.left == 0 &&
            !send_raw(peer, pong, frame_write(pong, FRAME_PONG, "", 0))) /* no ping of ours has a payload */
            return false;
        if (peer->frames.type == FRAME_BYTES && !take(peer, piece, piece_len))
            return false;
    }
    return true;
}

static void beat(void)
{
    char text[128];
    if (now_ns() < next_beat_ns)
        return;
    next_beat_ns += BEAT_NS;
    for (int fd = 0; fd < PEERS_MAX; fd++) {
        struct peer *peer = by_fd[fd];
        if (!peer || peer->way != WAY_CONTROL)
            continue;
        snprintf(text, sizeof text, "{\"type\":\"heartbeat\",\"epoch\":%ld,\"busy\":0,\"slots\":%ld}",
                 peer->epoch, peer->slots);
        if (!send_text(peer, text))
            die("a worker has lost its gateway");
    }
}

/* ---- the loop -------------------------------------------------------------------------------- */

static bool run_out(struct peer *peer)
{
    if (peer->out_len > 0) {
        size_t len = peer->out_len;
        peer->out_len = 0;
        if (!send_bytes(peer, peer->out, len))
            return false;
        if (peer->out_len > 0)
            return true;
    }
    bool is_unpaced = peer->is_streaming && (peer->answer == ANSWER_FILL ||
                                             (peer->answer == ANSWER_EVENTS && peer->gap_ns == 0));
    if (is_unpaced)
        return send_batch(peer);
    arm(peer, EPOLLIN);
    return true;
}

static void run_peer(struct peer *peer, uint32_t ready)
{
    static char bytes[256 * 1024];
    bool is_alive = true;
    if (ready & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
        ssize_t got = recv(peer->fd, bytes, sizeof bytes, MSG_DONTWAIT);
        is_alive = got <= 0                   ? got < 0 && errno == EAGAIN
                   : peer->way == WAY_PLAIN ? take(peer, bytes, (size_t)got)
                                            : take_frames(peer, bytes, (size_t)got);
    }
    if (is_alive && (ready & EPOLLOUT))
        is_alive = run_out(peer);
    if (!is_alive)
        drop(peer);
}

static struct peer *add_peer(int fd)
{
    struct peer *peer = fd < PEERS_MAX ? calloc(1, sizeof *peer) : NULL;
    if (!peer) {
        close(fd);
        return NULL;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    peer->fd = fd;
    peer->armed = EPOLLIN;
    by_fd[fd] = peer;
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        die("epoll_ctl: %s", strerror(errno));
    return peer;
}

static void accept_peers(int listener)
{
    for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;)
        (void)add_peer(fd);
}

static void send_all_due(void)
{
    uint64_t now = now_ns();
    while (queue.next != &queue && queue.next->due_ns <= now) {
        struct peer *peer = queue.next;
        if (!send_due(peer))
            drop(peer);
    }
}

static int wait_ready(struct epoll_event *ready)
{
    uint64_t now = now_ns(), due = queue.next == &queue ? UINT64_MAX : queue.next->due_ns;
    if (due > next_beat_ns)
        due = next_beat_ns;
    if (due == UINT64_MAX)
        return epoll_pwait2(epoll, ready, READY_MAX, NULL, NULL);
    uint64_t wait = due > now ? due - now : 0;
    struct timespec timeout = {(time_t)(wait / (1000 * MS)), (long)(wait % (1000 * MS))};
    return epoll_pwait2(epoll, ready, READY_MAX, &timeout, NULL);
}

static int listen_on(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(fd, 4096) != 0)
        die("cannot listen on port %d: %s", port, strerror(errno));
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        die("epoll_ctl: %s", strerror(errno));
    return fd;
}

/* A socket of a worker takes its place among the others. */
static struct peer *adopt(int fd, enum way way, long epoch)
{
    (void)fcntl(fd, F_SETFL, O_NONBLOCK);
    struct peer *peer = add_peer(fd);
    if (!peer)
        die("too many connections");
    peer->way = way;
    peer->epoch = epoch;
    return peer;
}

/* Workers of up to SLOTS_OF_ONE slots each, all of them ready. */
static void join(int port, const char *key, long slots)
{
    for (int number = 0; slots > 0; number++, slots -= SLOTS_OF_ONE) {
        long own = slots < SLOTS_OF_ONE ? slots : SLOTS_OF_ONE;
        struct registration worker = reverse_register(port, key, number, own);
        adopt(reverse_dial(port, key, &worker, REVERSE_CONTROL), WAY_CONTROL, worker.epoch)->slots =
            own;
        for (long i = 0; i < own; i++) {
            int fd = reverse_dial(port, key, &worker, REVERSE_LINE);
            if (!end_answer(adopt(fd, WAY_LINE, worker.epoch)))
                die("a worker was dropped");
        }
    }
    next_beat_ns = now_ns() + BEAT_NS;
    puts("joined");
    fflush(stdout);
}

static void run(int listener)
{
    for (struct epoll_event ready[READY_MAX];;) {
        int count = wait_ready(ready);
        for (int i = 0; i < count; i++) {
            int fd = ready[i].data.fd;
            if (fd == listener)
                accept_peers(listener);
            else if (by_fd[fd])
                run_peer(by_fd[fd], ready[i].events);
        }
        send_all_due();
        beat();
    }
}

int main(int argc, char **argv)
{
    bool is_worker = argc == 5 && strcmp(argv[1], "worker") == 0;
    if (argc != 2 && !is_worker)
        die("usage: upstream PORT | upstream worker GATEWAY-PORT KEY SLOTS");
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    (void)prctl(PR_SET_TIMERSLACK, 1000UL);
    samples_init(&failovers, 65536);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    int listener = -1;
    if (is_worker)
        join(atoi(argv[2]), argv[3], atol(argv[4]));
    else
        listener = listen_on(atoi(argv[1]));
    run(listener);
}
