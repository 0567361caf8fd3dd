/* main/demo_scene.c: see demo_scene.h. */
#include "main/demo_scene.h"

#include "sys/clock.h"
#include "sys/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define READY_MS   20000
#define LOOK_MS    5
#define PATH_BYTES 1200

// clang-format off
const struct tier_role tier_roles[TIER_COUNT] = {
    [TIER_GPU]   = {"gpu",   "Rack",  "qwen3-8b", "Hello from the rack in the cellar.", "auxot worker gpu, before a simulated llama-server"},
    [TIER_CLI]   = {"cli",   "Desk",  "composer", "Hello from your subscription.",      "auxot worker cli, before a script that plays Cursor's agent"},
    [TIER_CLOUD] = {"cloud", "Cloud", "gpt-sim",  "Hello from the cloud.",              "a simulated OpenAI"},
};
// clang-format on

/* ---- calling --------------------------------------------------------------------------------- */

enum err scene_call(const struct scene *scene, const struct place *place, const char *method,
                    const char *path, const char *body, struct http_reply *out_reply,
                    struct error *error)
{
    char headers[256];
    (void)snprintf(headers, sizeof headers, "authorization: Bearer %s\r\n", scene->key);
    return http_call(&(struct http_call){.port = place->port,
                                         .method = method,
                                         .path = path,
                                         .headers = headers,
                                         .body = str_of(body)},
                     out_reply, error);
}

/* A POST that must be answered with `wanted`. */
static enum err must(const struct scene *scene, const struct place *place, const char *path,
                     const char *body, int wanted, struct http_reply *out_reply,
                     struct error *error)
{
    enum err err = scene_call(scene, place, "POST", path, body, out_reply, error);
    if (err != OK || out_reply->status == wanted)
        return err;
    err = error_set(error, ERR_IO, "POST %s answered %d: %.*s", path, out_reply->status,
                    STR_ARG(str_upto(out_reply->body, 200)));
    http_reply_release(out_reply);
    return err;
}

/* The same, its body not wanted. */
static enum err tell(const struct scene *scene, const struct place *place, const char *path,
                     const char *body, int wanted, struct error *error)
{
    struct http_reply reply;
    enum err err = must(scene, place, path, body, wanted, &reply, error);
    if (err == OK)
        http_reply_release(&reply);
    return err;
}

/* A member of the object that a POST makes. */
static enum err make(const struct scene *scene, const char *path, const char *body,
                     const char *member, char *room, size_t room_bytes, struct error *error)
{
    struct http_reply reply;
    struct json root;
    enum err err = must(scene, &scene->gateway, path, body, 201, &reply, error);
    if (err != OK)
        return err;
    err = json_parse(scene->reader, reply.body, &root, error);
    if (err == OK)
        str_copy(json_string_or_empty(json_get(root, member)), room, room_bytes);
    http_reply_release(&reply);
    return err;
}

/* ---- children that listen -------------------------------------------------------------------- */

static void path_in(const struct scene *scene, const char *name, const char *ending,
                    char room[PATH_BYTES])
{
    (void)snprintf(room, PATH_BYTES, "%s/%s%s", scene->dir, name, ending);
}

static enum err start(struct scene *scene, struct place *place, const char *name,
                      const char *const args[], struct error *error)
{
    char log_path[PATH_BYTES], line[256];
    struct error why = {0};
    path_in(scene, name, ".log", log_path);
    enum err err = child_start(args, log_path, &place->child, &why);
    if (err == OK)
        err = child_read_line(&place->child, READY_MS, line, sizeof line, &why);
    size_t at = 0;
    if (err == OK && !str_find(str_of(line), STR("http://"), &at))
        err = error_set(&why, ERR_IO, "it said '%s'", line);
    if (err != OK)
        return error_set(error, err, "cannot start %s: %s (its log: %s)", name, why.text, log_path);

    str_copy(str_of(line + at), place->url, sizeof place->url);
    struct str rest = str_from(str_of(place->url), sizeof "http://" - 1);
    int64_t port = 0;
    (void)str_cut(&rest, ':');
    (void)str_to_int64(rest, &port);
    place->port = (int)port;
    return OK;
}

static enum err start_listeners(struct scene *scene, struct error *error)
{
    char data_dir[PATH_BYTES];
    path_in(scene, "data", "", data_dir);
    enum err err = start(scene, &scene->llama, "llama",
                         (const char *const[]){"simulate", "--dialect", "llama", "--no-key",
                                               "--port", "0", "--seed", "1", NULL},
                         error);
    if (err == OK)
        err = start(scene, &scene->cloud, "cloud",
                    (const char *const[]){"simulate", "--port", "0", "--seed", "2", NULL}, error);
    if (err == OK)
        err = start(scene, &scene->gateway, "gateway",
                    (const char *const[]){"serve", "--data-dir", data_dir, "--host", "127.0.0.1",
                                          "--port", "0", NULL},
                    error);
    return err;
}

static enum err create_key(struct scene *scene, struct error *error)
{
    char data_dir[PATH_BYTES], log_path[PATH_BYTES];
    path_in(scene, "data", "", data_dir);
    path_in(scene, "keys", ".log", log_path);
    struct child child;
    enum err err = child_start((const char *const[]){"keys", "create", "--data-dir", data_dir,
                                                     "--name", "demo", "--role", "admin", NULL},
                               log_path, &child, error);
    if (err != OK)
        return err;
    err = child_read_line(&child, READY_MS, scene->key, sizeof scene->key, error);
    int status = child_wait(&child);
    if (err == OK && status != 0)
        err = error_set(error, ERR_IO, "keys create ended with %d (its log: %s)", status, log_path);
    return err;
}

/* ---- who plays ------------------------------------------------------------------------------- */

/* An answer by `auxot simulate`; `extra` are more keys of it. */
static enum err play(const struct scene *scene, const struct place *place, enum tier tier,
                     const char *extra, struct error *error)
{
    char body[512];
    (void)snprintf(body, sizeof body,
                   "{\"models\":[\"%s\"],\"rules\":[{\"then\":{\"text\":\"%s\",\"gap_ms\":10%s}}]}",
                   tier_roles[tier].model, tier_roles[tier].says, extra);
    return tell(scene, place, "/_sim/script", body, 200, error);
}

enum err scene_slow_gpu(struct scene *scene, bool is_slow, struct error *error)
{
    return play(scene, &scene->llama, TIER_GPU, is_slow ? ",\"first_event_delay_ms\":60000" : "",
                error);
}

/* Says what Cursor's documentation says that its agent says (worker/cli_cursor.c). */
static enum err write_tool(const struct scene *scene, struct error *error)
{
    static const char script[] =
        "#!/bin/sh\n"
        "case $1 in\n"
        "--version) echo demo; exit ;;\n"
        "status) echo 'Logged in as demo@example.com'; exit ;;\n"
        "esac\n"
        "printf '{\"type\":\"assistant\",\"timestamp_ms\":1,\"message\":{\"role\":\"assistant\","
        "\"content\":[{\"type\":\"text\",\"text\":\"%%s\"}]}}\\n' '%s'\n"
        "printf '{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":false,\"result\":\"%%s\"}\\n' "
        "'%s'\n";
    char path[PATH_BYTES];
    path_in(scene, "cursor-agent", "", path);
    AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
    if (fd < 0 || dprintf(fd, script, tier_roles[TIER_CLI].says, tier_roles[TIER_CLI].says) < 0)
        return error_set(error, ERR_IO, "cannot write '%s': %s", path, ERRNO_TEXT(errno));
    return OK;
}

/* ---- providers ------------------------------------------------------------------------------- */

static enum err add_provider_of_workers(struct scene *scene, enum tier tier, struct error *error)
{
    char body[128], id[64], path[128];
    (void)snprintf(body, sizeof body, "{\"type\":\"%s\",\"name\":\"%s\"}", tier_roles[tier].kind,
                   tier_roles[tier].name);
    enum err err = make(scene, "/api/providers", body, "id", id, sizeof id, error);
    (void)snprintf(path, sizeof path, "/api/providers/%s/worker-keys", id);
    if (err == OK)
        err = make(scene, path, "{}", "key", scene->worker_keys[tier],
                   sizeof scene->worker_keys[tier], error);
    return err;
}

static enum err add_providers(struct scene *scene, struct error *error)
{
    char body[256];
    (void)snprintf(body, sizeof body,
                   "{\"type\":\"openai\",\"name\":\"%s\",\"api_key\":\"sk-demo\","
                   "\"base_url\":\"%s/v1\"}",
                   tier_roles[TIER_CLOUD].name, scene->cloud.url);
    enum err err = tell(scene, &scene->gateway, "/api/providers", body, 201, error);
    if (err == OK)
        err = add_provider_of_workers(scene, TIER_GPU, error);
    if (err == OK)
        err = add_provider_of_workers(scene, TIER_CLI, error);
    return err;
}

/* ---- workers --------------------------------------------------------------------------------- */

static enum err spawn_worker(struct scene *scene, enum tier tier, const char *log_path,
                             struct error *error)
{
    const struct tier_role *role = &tier_roles[tier];
    const char *key = scene->worker_keys[tier], *url = scene->gateway.url;
    char program[PATH_BYTES], scratch[PATH_BYTES];
    path_in(scene, "cursor-agent", "", program);
    path_in(scene, "scratch", "", scratch);
    if (tier == TIER_GPU)
        return child_start((const char *const[]){"worker", "gpu", "--server", url, "--key", key,
                                                 "--name", role->name, "--attach", scene->llama.url,
                                                 NULL},
                           log_path, &scene->workers[tier], error);
    return child_start((const char *const[]){"worker", "cli", "--server", url, "--key", key,
                                             "--name", role->name, "--tool", "cursor", "--program",
                                             program, "--model", role->model, "--scratch", scratch,
                                             NULL},
                       log_path, &scene->workers[tier], error);
}

/* Has the gateway a live worker of that name, with connections for jobs? */
static enum err look_for_worker(const struct scene *scene, enum tier tier, bool *out_is_there,
                                struct error *error)
{
    struct http_reply reply;
    struct json root;
    enum err err = scene_call(scene, &scene->gateway, "GET", "/api/workers", "", &reply, error);
    if (err != OK)
        return err;
    err = json_parse(scene->reader, reply.body, &root, error);
    *out_is_there = false;
    for (struct json_cursor item = json_each(json_get(root, "items"));
         err == OK && json_next(&item);) {
        struct str name = json_string_or_empty(json_get(item.value, "name"));
        struct str state = json_string_or_empty(json_get(item.value, "state"));
        *out_is_there |= str_eq(name, str_of(tier_roles[tier].name)) &&
                         str_eq(state, STR("live")) &&
                         json_int64_or(json_get(item.value, "parked"), 0) > 0;
    }
    http_reply_release(&reply);
    return err;
}

static void rest(void)
{
    (void)nanosleep(&(struct timespec){.tv_nsec = LOOK_MS * 1000000L}, NULL);
}

static enum err await_worker(const struct scene *scene, enum tier tier, bool is_wanted,
                             struct error *error)
{
    bool is_there = !is_wanted;
    for (int64_t until_ms = clock_monotonic_ms() + READY_MS; clock_monotonic_ms() < until_ms;
         rest()) {
        enum err err = look_for_worker(scene, tier, &is_there, error);
        if (err != OK || is_there == is_wanted)
            return err;
    }
    return error_set(error, ERR_TIMEOUT, "the gateway %s it",
                     is_wanted ? "has not heard of" : "has not missed");
}

enum err scene_start_worker(struct scene *scene, enum tier tier, struct error *error)
{
    const struct tier_role *role = &tier_roles[tier];
    char log_path[PATH_BYTES];
    struct error why = {0};
    path_in(scene, role->kind, ".log", log_path);
    enum err err = spawn_worker(scene, tier, log_path, &why);
    if (err == OK)
        err = await_worker(scene, tier, true, &why);
    return err == OK ? OK
                     : error_set(error, err, "cannot start the %s worker: %s (its log: %s)",
                                 role->kind, why.text, log_path);
}

enum err scene_kill_worker(struct scene *scene, enum tier tier, struct error *error)
{
    child_kill(&scene->workers[tier]);
    return await_worker(scene, tier, false, error);
}

enum err scene_await_gpu_busy(struct scene *scene, struct error *error)
{
    for (int64_t until_ms = clock_monotonic_ms() + READY_MS; clock_monotonic_ms() < until_ms;
         rest()) {
        struct http_reply reply;
        struct json root;
        enum err err = scene_call(scene, &scene->llama, "GET", "/_sim/stats", "", &reply, error);
        if (err != OK)
            return err;
        err = json_parse(scene->reader, reply.body, &root, error);
        int64_t open = err == OK ? json_int64_or(json_get(root, "open_streams"), 0) : 0;
        http_reply_release(&reply);
        if (err != OK || open > 0)
            return err;
    }
    return error_set(error, ERR_TIMEOUT, "the request did not reach the GPU");
}

/* ---- life ------------------------------------------------------------------------------------ */

static enum err prepare(struct scene *scene, struct error *error)
{
    const char *base = getenv("TMPDIR");
    int len = snprintf(scene->dir, sizeof scene->dir, "%s/auxot-demo-XXXXXX",
                       base && *base ? base : "/tmp");
    if (len < 0 || (size_t)len >= sizeof scene->dir || !mkdtemp(scene->dir)) {
        scene->dir[0] = '\0';
        return error_set(error, ERR_IO, "no temporary directory: %s", ERRNO_TEXT(errno));
    }
    enum err err = json_reader_new(HTTP_REPLY_MAX, &scene->reader);
    return err == OK ? write_tool(scene, error) : error_set(error, err, "no memory");
}

enum err scene_open(struct scene *scene, struct error *error)
{
    enum err err = prepare(scene, error);
    if (err == OK)
        err = start_listeners(scene, error);
    if (err == OK)
        err = create_key(scene, error);
    if (err == OK)
        err = scene_slow_gpu(scene, false, error);
    if (err == OK)
        err = play(scene, &scene->cloud, TIER_CLOUD, "", error);
    if (err == OK)
        err = add_providers(scene, error);
    if (err == OK)
        err = scene_start_worker(scene, TIER_GPU, error);
    if (err == OK)
        err = scene_start_worker(scene, TIER_CLI, error);
    return err;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *at)
{
    (void)status;
    (void)type;
    (void)at;
    (void)remove(path);
    return 0;
}

void scene_release(struct scene *scene)
{
    for (int tier = 0; tier < TIER_CLOUD; tier++)
        (void)child_stop(&scene->workers[tier]);
    (void)child_stop(&scene->gateway.child);
    (void)child_stop(&scene->llama.child);
    (void)child_stop(&scene->cloud.child);
    json_reader_free(scene->reader);
    if (scene->dir[0])
        (void)nftw(scene->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}
