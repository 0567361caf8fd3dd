/* store/transitions.h: changes of state, noted from anywhere, kept by the writer, read back as a log.
 *
 * A note costs a copy under a short lock: loops may note, also under locks of their own (this one is the innermost). The
 * box between them and the writer is bounded. When it is full, notes are lost, and counted: the next that finds room
 * is preceded by one that says so (server, "notes_lost"), behind which everything is unknown until it is noted again.
 * That is why each note-taker remembers the page it noted on (transitions_page) and notes anew when that has changed.
 *
 *     transition_set(&transition, TRANSITION_PROVIDER, id, "online", "paused", "paused");
 *     transition.at_ms = clock_wall_ms();
 *     transitions_note(store_transitions(store), &transition);
 */
#pragma once
#include "base/err.h"
#include "domain/transition.h"

struct store;
struct transitions;

struct transitions *store_transitions(struct store *store);
/** Never blocks, never fails. `log` NULL: nobody keeps any. Any thread. */
void transitions_note(struct transitions *log, const struct transition *transition);
/** Grows by one whenever notes were lost. */
int64_t transitions_page(const struct transitions *log); /* NULL: 0 */
/** Notes that were lost since the start. */
int64_t transitions_lost(const struct transitions *log);
/**
 * Tells each note, in order, as it is taken: on whatever thread notes it, which may be a loop's and may hold locks, so
 * `on_note` may only copy it and post. It must not note. NULL ends it: when this returns, none is under way.
 */
typedef void transitions_on_note(void *arg, const struct transition *transition);
void transitions_subscribe(struct transitions *log, transitions_on_note *on_note, void *arg);

/** Called about once a second while the server runs: writes down, now and then, that it is alive, so that after a kill the
 *  log knows until when it was; and that notes were lost, if nobody has noted since. Blocks for a small write. */
void store_still_alive(struct store *store, int64_t wall_ms);

/* ---- reading ------------------------------------------------------------------------------------- */

#define TRANSITIONS_PAGE_MAX 500
/** Empty strings and 0 mean "any". */
struct transition_filter {
    char provider[ID_MAX]; /* of it, and of its workers */
    char kind[16];
    int64_t since_ms, until_ms; /* at_ms in [since, until) */
    int limit;                  /* 1 to TRANSITIONS_PAGE_MAX */
    char cursor[96]; /* from the page before; "" first. Forged or damaged: ERR_MALFORMED */
};
typedef void store_on_transition(void *arg, const struct transition *transition);
/** Newest first. `out_next_cursor` is "" on the last page. */
MUST_USE enum err store_transition_list(struct store *store, const struct transition_filter *filter,
                                        store_on_transition *on_transition, void *arg,
                                        char out_next_cursor[96], struct error *error);

/** What is known of a moment, beside the states themselves. */
struct transition_moment {
    bool
        is_known; /* false: the server did not run, or notes of then were lost or are no longer kept */
    char why[16];       /* "stopped", "killed", "notes_lost", "not_kept"; "" when it is known */
    int64_t page_at_ms; /* when that began; 0: not known */
    bool has_config;    /* `config` is the last change of configuration before it */
    struct transition config;
};
/** The last state of each provider and worker at `at_ms` (wall); those that are gone or dead are not told. None is told when the
 *  moment is not known. */
MUST_USE enum err store_transitions_at(struct store *store, int64_t at_ms,
                                       struct transition_moment *out_moment,
                                       store_on_transition *on_transition, void *arg,
                                       struct error *error);
