/* domain/feed.c: see feed.h. */
#include "domain/feed.h"

#include "base/mem.h"

#include <assert.h>

static const char *const kind_names[] = {
#define X(name, text) text,
    FEED_KIND_LIST(X)
#undef X
};
static_assert(sizeof kind_names / sizeof kind_names[0] == FEED_KIND_COUNT, "one name per kind");

const char *feed_kind_name(enum feed_kind kind)
{
    assert(kind < FEED_KIND_COUNT);
    return kind_names[kind];
}

struct feed_frame *feed_frame_new(enum feed_kind kind, const struct feed_audience *audience,
                                  struct str text)
{
    struct feed_frame *frame = mem_alloc(sizeof *frame + text.len);
    if (!frame)
        return NULL;
    *frame = (struct feed_frame){.kind = kind, .audience = *audience, .len = text.len};
    memcpy(frame->text, text.at, text.len);
    return frame;
}

/* A person's are those of all their keys and sessions; a key of nobody has its own. */
static bool is_own(const struct feed_viewer *viewer, const struct feed_audience *audience)
{
    return viewer->user[0] ? strcmp(viewer->user, audience->of) == 0
                           : strcmp(viewer->key, audience->key) == 0;
}

bool feed_sees(const struct feed_viewer *viewer, const struct feed_audience *audience)
{
    if (viewer->is_admin)
        return audience->reach != FEED_FOR_MEMBER;
    switch (audience->reach) {
    case FEED_FOR_ALL: return true;
    case FEED_FOR_ADMINS: return false;
    case FEED_FOR_OWNER:
    case FEED_FOR_MEMBER: return is_own(viewer, audience);
    case FEED_FOR_PROVIDER: return viewer->sees_provider(viewer->arg, audience->of);
    }
    return false;
}
