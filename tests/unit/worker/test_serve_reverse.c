/* Reverse connections: how often a server that takes none is asked. */
#include "worker/serve_reverse.h"

#include "tests/unit/http/loopback.h"

#define WORKER "wrk_1"

static int staleness;

static void on_stale(void *owner, const char *why)
{
    (void)owner;
    (void)why;
    staleness++;
}

static void nothing(void *arg, struct exchange *exchange)
{
    (void)arg;
    (void)exchange;
}

static void no_error(void *arg, int status, struct str path, const char *sentence,
                     struct buf *headers, struct buf *body)
{
    (void)arg, (void)status, (void)path, (void)sentence, (void)headers, (void)body;
}

static const struct http_service front = {.on_request = nothing, .write_error = no_error};
static const struct reverse_ops ops = {.on_stale = on_stale};

struct scene {
    int listener, dials;
    struct target server;
    struct client_pool *pool;
    struct reverse *reverse;
};

static void open_scene(struct scene *scene)
{
    struct error error = {0};
    char url[64];
    stage_open();
    *scene = (struct scene){.listener = -1};
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    scene->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    CHECK("a port", bind(scene->listener, (struct sockaddr *)&at, sizeof at) == 0 &&
                        listen(scene->listener, 16) == 0 &&
                        getsockname(scene->listener, (struct sockaddr *)&at, &len) == 0);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d", ntohs(at.sin_port));
    CHECK_INT("target", target_parse(url, &scene->server, &error), OK);
    CHECK_INT("pool",
              client_pool_new(stage.loop, &(struct client_options){0}, &scene->pool, &error), OK);
    struct reverse_options options = {.loop = stage.loop,
                                      .pool = scene->pool,
                                      .server = &scene->server,
                                      .key = STR("auxw_key"),
                                      .service = &front,
                                      .ops = &ops};
    CHECK_INT("reverse", reverse_new(&options, &scene->reverse, &error), OK);
}

static void close_scene(struct scene *scene)
{
    reverse_free(scene->reverse);
    turn();
    client_pool_free(scene->pool);
    close(scene->listener);
    stage_close();
}

/* The server closes whatever comes. */
static int dials(struct scene *scene)
{
    int fd = accept4(scene->listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0) {
        scene->dials++;
        close(fd);
    }
    return scene->dials;
}

/* As many turns as a dial needs, and far fewer than a pause has. */
static void look_away(struct scene *scene)
{
    for (int i = 0; i < 3; i++) {
        turn();
        (void)dials(scene);
    }
}

static void what_changes_at_the_front_shortens_no_pause(void **state)
{
    struct scene scene;
    (void)state;
    open_scene(&scene);
    reverse_open(scene.reverse, WORKER, 1, 1);
    for (int failures = 1; failures <= 5; failures++)
        WAIT("dialled, in vain", dials(&scene) == failures);
    look_away(&scene); /* the pause is 800 ms or more by now */
    for (int i = 0; i < 5; i++) {
        reverse_open(scene.reverse, WORKER, 1, 1);
        look_away(&scene);
    }
    CHECK_INT("not once more", scene.dials, 5);
    reverse_open(scene.reverse, WORKER, 1, 2);
    WAIT("a connection more is wanted: dialled at once", dials(&scene) == 6);
    look_away(&scene);
    reverse_open(scene.reverse, WORKER, 2, 2);
    WAIT("another registration: both at once", dials(&scene) == 8);
    look_away(&scene);
    reverse_pause(scene.reverse);
    reverse_open(scene.reverse, WORKER, 2, 2);
    WAIT("the server is back: both at once", dials(&scene) == 10);
    close_scene(&scene);
}

TEST_MAIN(TEST(what_changes_at_the_front_shortens_no_pause))
