/* gateway/translate.h: a try at a provider that speaks another dialect than the caller. Inside the room only.
 *
 * The body is translated before the try begins, because a request that would lose something under X-Auxot-Strict must not
 * reach anybody; the answer is translated event by event behind the meter. Large bodies are translated on an api
 * thread, as they are parsed.
 */
#pragma once
#include "gateway/request.h"
#include "wire/dialects.h"

/** What a translated try holds. */
struct translation {
    struct arena arena; /* names */
    struct tool_names names;
    struct fidelity fidelity;
    struct keeper {
        struct gateway *gateway;
        char caller[ID_MAX]; /* whose thinking it is */
    } keeper;
    struct sealer sealer; /* over keeper */
    struct buf body;      /* for the provider; given back at COMMIT */
    struct answer_translation *answer;
    struct away_translation *away; /* NULL unless an api thread is at it */
};

enum translated {
    TRANSLATED_READY, /* ask the provider */
    TRANSLATED_AWAY,  /* attempt_translated is called later */
    TRANSLATED_UNFIT, /* this provider cannot be asked: request->unfit says why; try the next */
    TRANSLATED_FAILED /* no memory */
};

/** Translates the request's body for trial->asked. */
enum translated translate_request(struct request *request);
/** The second half, when it was away; on the loop. attempt.c's. */
void attempt_translated(struct request *request, enum translated outcome);
/** Frees what the try holds; work that is away loses its request. NULL is fine. */
void translation_free(struct translation *translation);
/** The body is of no more use. */
void translation_release_body(struct translation *translation);

/** Translates one event into gl->translated (appended). False: the try is broken, and was told so. */
bool translate_event(struct request *request, const struct sse_event *event, struct json root);
/** The same at the end of the provider's stream: the last events. */
bool translate_end(struct request *request);
/** The held plain answer, as gl->event_reader has read it, into gl->translated: a body, or a stream if the caller
 *  asked for one. */
bool translate_plain(struct request *request, struct json root);
/** An answer of the server's own to count_tokens. */
void answer_token_estimate(struct request *request);
