/* main/demo_scene.h: what `auxot demo` starts: a gateway, two workers that dial in to it, and who plays the models.
 *
 *     gateway   auxot serve
 *     gpu       auxot worker gpu, attached to `auxot simulate --dialect llama`
 *     cli       auxot worker cli, whose tool is a small script that plays Cursor's agent
 *     cloud     auxot simulate
 *
 * All are children of this process, on free ports of the loopback address and in one temporary directory, which
 * scene_release takes away again. Everything that is asked goes through the public API.
 * Thread:  main's; scene_call may be used by another one meanwhile.
 */
#pragma once
#include "json/json.h"
#include "main/child.h"
#include "main/http_call.h"

/* Who answers, in the order of the cascade. */
enum tier { TIER_GPU, TIER_CLI, TIER_CLOUD, TIER_COUNT };

struct tier_role {
    const char *kind; /* as the API says it */
    const char *name; /* of the provider and its worker; in small letters its slug */
    const char *model;
    const char *says; /* its answer to everything */
    const char *who;  /* in plain words */
};

extern const struct tier_role tier_roles[TIER_COUNT];

/* A child that listens. */
struct place {
    struct child child;
    char url[128];
    int port;
};

struct scene {
    char dir[1024];
    struct place gateway, llama, cloud;
    struct child workers[TIER_CLOUD]; /* by tier */
    char worker_keys[TIER_CLOUD][128];
    char key[128]; /* an admin's */
    struct json_reader *reader;
};

/** Starts all of it, workers ready for jobs. On failure, too: scene_release. */
MUST_USE enum err scene_open(struct scene *scene, struct error *error);
void scene_release(struct scene *scene);

/** One call with the admin's key; http_reply_release. */
MUST_USE enum err scene_call(const struct scene *scene, const struct place *place,
                             const char *method, const char *path, const char *body,
                             struct http_reply *out_reply, struct error *error);

/** Starts the worker of a tier (again), and waits until the gateway may give it jobs. */
MUST_USE enum err scene_start_worker(struct scene *scene, enum tier tier, struct error *error);
/** kill -9, and waits until the gateway gives it nothing more. */
MUST_USE enum err scene_kill_worker(struct scene *scene, enum tier tier, struct error *error);
/** From now on the GPU's model thinks for a minute before it says a word, or not any more. */
MUST_USE enum err scene_slow_gpu(struct scene *scene, bool is_slow, struct error *error);
/** Waits until the GPU's model is at work on a request. */
MUST_USE enum err scene_await_gpu_busy(struct scene *scene, struct error *error);
