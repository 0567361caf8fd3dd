/* domain/why.h: every reason code that a job can carry, in words: why a provider was chosen, why one was passed over,
 * why a job moved on from one, how a job ended; and what to do about it.
 *
 * Codes are stable: they stand in records, headers, metrics and other people's scripts. Where one word says the same
 * of several classes it has a row in each. What vendors' tables may bring (providers/) is among those moved on from.
 * docs/reference/reasons.md is made from this list (tools/reasons-doc).
 *
 * Layer:   domain: pure.  Thread: any.
 */
#pragma once
#include "base/str.h"

enum why { WHY_CHOSEN, WHY_PASSED, WHY_MOVED, WHY_ENDED, WHY_COUNT };
const char *why_name(enum why why); /* "chosen_because" */

// clang-format off
/* The words end a sentence that begins with the provider, or with the job. No fix: nothing is to be done. */
#define WHY_LIST(X)                                                                                                       \
    /* class  code                      words                                        what to do */                      \
    X(CHOSEN, "pinned",                 "asked for by the caller",                   "")                                  \
    X(CHOSEN, "serves_model",           "serves the model",                          "")                                  \
    X(CHOSEN, "auto_default",           "the Auto default",                          "")                                  \
    X(CHOSEN, "cascade",                "next in the cascade",                       "")                                  \
    X(CHOSEN, "route_step",             "a step of the named route",                 "")                                  \
    X(CHOSEN, "fallback_rule",          "by another provider's fallback rule",       "")                                  \
    X(CHOSEN, "degraded",               "failed lately, and nobody better was left", "Look at its status: it is tried behind the others of its tier until it succeeds.") \
    X(CHOSEN, "model_missing",          "said lately that it lacks the model, and nobody else was left", "Refresh its models.") \
    X(PASSED, "over_quota",             "over its quota",                            "Wait for the reset, or raise the quota with the vendor.") \
    X(PASSED, "offline",                "offline",                                   "Start a worker, or look why its workers are gone.") \
    X(PASSED, "error",                  "in error",                                  "Its key was refused or it has no models: give it a new key, or refresh it.") \
    X(PASSED, "paused",                 "paused",                                    "An admin can unpause it.")          \
    X(PASSED, "degraded",               "failed lately",                             "It is tried behind the others of its tier until it succeeds: look at its status.") \
    X(PASSED, "at_capacity",            "no free slot",                              "Add slots or workers, or let the request wait there longer (wait_ms).") \
    X(PASSED, "just_changed",           "changed in the moment before it was asked", "")                                  \
    X(PASSED, "model_not_served",       "does not serve the model",                  "Refresh its models, or name one that it has.") \
    X(PASSED, "model_unsurfaced",       "the model is not surfaced there",           "Surface the model.")                \
    X(PASSED, "model_missing",          "said lately that it lacks the model",       "Refresh its models.")               \
    X(PASSED, "not_loaded",             "no worker has the model loaded",            "Start a worker with the model.")    \
    X(PASSED, "no_default_model",       "has no default model",                      "Give it a default model.")          \
    X(PASSED, "dialect_not_supported",  "speaks no dialect of use",                  "Say in its dialects what it answers.") \
    X(PASSED, "endpoint_not_supported", "does not offer the endpoint",               "Use another endpoint, or another model.") \
    X(PASSED, "lacks_tools",            "its model uses no tools",                   "Use a model that does.")            \
    X(PASSED, "lacks_images",           "its model sees no images",                  "Use a model that does.")            \
    X(PASSED, "lacks_json_schema",      "its model answers by no JSON schema",       "Use a model that does.")            \
    X(PASSED, "context_too_small",      "the prompt is longer than its window",      "Shorten the prompt, or use a model with a larger window.") \
    X(PASSED, "strict_loss",            "would need a translation that loses something", "Leave X-Auxot-Strict out, or use its own dialect.") \
    X(PASSED, "provider_teams",         "belongs to other teams",                    "An admin can assign it to the team.") \
    X(PASSED, "team_tiers",             "the team's policy does not allow its tier", "An admin can change the team's policy.") \
    X(PASSED, "team_providers",         "the team's policy does not allow it",       "An admin can change the team's policy.") \
    X(PASSED, "team_models",            "the team's policy does not allow the model", "An admin can change the team's policy.") \
    X(PASSED, "key_tiers",              "the API key may not use its tier",          "Use another key, or change what this one may.") \
    X(PASSED, "key_providers",          "the API key may not use it",                "Use another key, or change what this one may.") \
    X(PASSED, "key_models",             "the API key may not use the model",         "Use another key, or change what this one may.") \
    X(PASSED, "not_asked",              "not what was asked for",                    "")                                  \
    X(PASSED, "condition_not_met",      "the condition of its route step does not hold", "")                              \
    X(MOVED,  "dns_failed",             "its name was not found",                    "Check its base URL, and the server's DNS.") \
    X(MOVED,  "connect_refused",        "refused the connection",                    "Is it running? Check its base URL.") \
    X(MOVED,  "connect_timeout",        "did not take the connection in time",       "Check the network between it and this server.") \
    X(MOVED,  "tls_failed",             "TLS failed",                                "Check its certificate and its base URL.") \
    X(MOVED,  "connection_reset",       "cut the connection",                        "")                                  \
    X(MOVED,  "first_byte_timeout",     "sent no first byte in time",                "If it often needs longer, raise its timeouts.") \
    X(MOVED,  "idle_timeout",           "fell silent in mid-answer",                 "If it often needs longer, raise its timeouts.") \
    X(MOVED,  "stream_cut",             "ended its stream before the last event",    "")                                  \
    X(MOVED,  "empty_answer",           "answered without a word",                   "")                                  \
    X(MOVED,  "bad_answer",             "sent what is no answer",                    "Check its base URL: is this the API it should be?") \
    X(MOVED,  "answer_untranslatable",  "its answer cannot be told in the caller's dialect", "Use the provider's own dialect.") \
    X(MOVED,  "redirect_refused",       "answered with a redirect",                  "Correct its base URL.")             \
    X(MOVED,  "worker_lost",            "its worker was lost",                       "Look at the worker's log.")         \
    X(MOVED,  "no_slot",                "had no slot to be asked again",             "")                                  \
    X(MOVED,  "key_unreadable",         "its stored key does not open",              "Start with the secret that sealed it, or enter the key again.") \
    X(MOVED,  "not_found",              "does not know the path",                    "Check its base URL and its dialects.") \
    X(MOVED,  "canceled",               "cancelled the request",                     "")                                  \
    X(MOVED,  "invalid_api_key",        "refused its key",                           "Give it a new key.")                \
    X(MOVED,  "forbidden",              "does not allow its key this",               "Check what the key may do at the vendor.") \
    X(MOVED,  "unsupported_region",     "does not serve this region",                "")                                  \
    X(MOVED,  "not_logged_in",          "its worker's tool is not logged in",        "Log the tool in on that machine.")  \
    X(MOVED,  "window_used_up",         "its worker's subscription window is used up", "It comes back at the reset.")     \
    X(MOVED,  "rate_limited",           "over its rate limit",                       "It comes back at the reset; a higher limit is the vendor's to give.") \
    X(MOVED,  "slow_down",              "asked to slow down",                        "")                                  \
    X(MOVED,  "in_flight_budget",       "has too many requests in flight",           "Give it a max_concurrent.")         \
    X(MOVED,  "insufficient_quota",     "its quota is used up",                      "Check plan and billing at the vendor.") \
    X(MOVED,  "credit_exhausted",       "its credit is used up",                     "Buy credit at the vendor.")         \
    X(MOVED,  "spend_limit",            "its spend limit is reached",                "Raise the limit at the vendor.")    \
    X(MOVED,  "usage_limit",            "its usage limit is reached",                "Raise the limit at the vendor.")    \
    X(MOVED,  "billing_not_active",     "its billing is not active",                 "Set up billing at the vendor.")     \
    X(MOVED,  "payment_required",       "wants a payment",                           "Check billing at the vendor.")      \
    X(MOVED,  "overloaded",             "overloaded",                                "")                                  \
    X(MOVED,  "loading",                "still loading its model",                   "")                                  \
    X(MOVED,  "upstream_down",          "what is behind it is down",                 "Look at the server behind it.")     \
    X(MOVED,  "slots_full",             "all its slots are taken",                   "Give it more slots.")               \
    X(MOVED,  "model_not_found",        "said that it lacks the model",              "Refresh its models.")               \
    X(MOVED,  "context_too_long",       "the prompt is too long for its model",      "Shorten the prompt, or use a model with a larger window.") \
    X(MOVED,  "request_too_large",      "the request is too large for it",           "Send less.")                        \
    X(MOVED,  "server_error",           "server error",                              "")                                  \
    X(MOVED,  "timeout",                "timed out by its own account",              "")                                  \
    X(MOVED,  "conflict",               "answered with a conflict",                  "")                                  \
    X(MOVED,  "origin_refused",         "what is behind it refused",                 "Look at the server behind it.")     \
    X(MOVED,  "tool_died",              "its worker's tool died",                    "Look at the worker's log.")         \
    X(MOVED,  "no_worker",              "no worker of it is online",                 "Start a worker.")                   \
    X(MOVED,  "content_refused",        "refused the content",                       "")                                  \
    X(MOVED,  "images_not_supported",   "takes no images",                           "Use a model that does.")            \
    X(MOVED,  "audio_not_supported",    "takes no audio",                            "Use a model that does.")            \
    X(MOVED,  "bad_request",            "refused the request",                       "Correct the request.")              \
    X(MOVED,  "unsupported_parameter",  "does not know a parameter",                 "Leave the parameter out.")          \
    X(MOVED,  "unsupported_value",      "does not take a value",                     "Change the value.")                 \
    X(MOVED,  "max_tokens_too_large",   "gives no answer as long as asked for",      "Ask for fewer tokens.")             \
    X(MOVED,  "tools_with_reasoning",   "takes no tools with this reasoning",        "Leave one of the two out.")         \
    X(MOVED,  "strict_loss",            "would need a translation that loses something", "Leave X-Auxot-Strict out, or use its own dialect.") \
    X(MOVED,  "interrupted",            "the server stopped while it answered",      "")                                  \
    X(ENDED,  "ok",                     "answered",                                  "")                                  \
    X(ENDED,  "failover",               "answered by a later choice",                "See why the first one failed.")     \
    X(ENDED,  "estimated",              "an estimate, for nobody counts tokens for this model", "")                    \
    X(ENDED,  "client_gone",            "the client left",                           "")                                  \
    X(ENDED,  "interrupted",            "the server stopped in the middle of it",    "Send it again.")                    \
    X(ENDED,  "bad_request",            "the body cannot be used",                   "Correct the request.")              \
    X(ENDED,  "draining",               "the server was shutting down",              "Send it again.")                    \
    X(ENDED,  "server_full",            "the server ran as many requests as it may", "Raise max_concurrent, or send it again later.") \
    X(ENDED,  "body_too_large",         "the body is too large",                     "Send less, or raise body_limit.")   \
    X(ENDED,  "body_incomplete",        "the body never came whole",                 "")                                  \
    X(ENDED,  "body_timeout",           "the body came too slowly",                  "Send it faster.")                   \
    X(ENDED,  "bad_framing",            "the request is malformed",                  "Correct the client.")               \
    X(ENDED,  "bad_idempotency_key",    "its Idempotency-Key is none",               "Send one of 1 to 255 visible ASCII characters.") \
    X(ENDED,  "repeat_running",         "the request with its Idempotency-Key still runs", "Wait for that job.")          \
    X(ENDED,  "repeat_used",            "the request with its Idempotency-Key was answered", "See that job, or use a new key.") \
    X(ENDED,  "repeat_unknown",         "a crash cut the request with its Idempotency-Key", "See that job, or use a new key.") \
    X(ENDED,  "repeat_differs",         "its Idempotency-Key is of another request", "Use a new key for each request.")   \
    X(ENDED,  "repeat_full",            "too many Idempotency-Keys are remembered",  "Try again later.")                  \
    X(ENDED,  "unknown_model",          "there is no such model",                    "Use one that GET .../models lists.") \
    X(ENDED,  "unknown_provider",       "there is no such provider",                 "Correct X-Auxot-Provider, or leave it out.") \
    X(ENDED,  "model_not_served",       "the provider does not serve the model",     "Leave the pin out, or name a model that it has.") \
    X(ENDED,  "pins_disagree",          "header and model name different providers", "Send one of the two.")              \
    X(ENDED,  "dialect_not_supported",  "nobody speaks a dialect of use",            "Use the other dialect's endpoint.") \
    X(ENDED,  "endpoint_not_supported", "nobody offers the endpoint",                "Use another endpoint or model.")    \
    X(ENDED,  "lacks_ability",          "no model is able to do what the request needs", "Use another model, or ask for less.") \
    X(ENDED,  "context_too_small",      "the prompt is longer than every window",    "Shorten the prompt.")               \
    X(ENDED,  "no_candidate",           "nobody can be asked",                       "An admin must repair or unpause a provider.") \
    X(ENDED,  "strict_loss",            "whoever could answer would need a translation that loses something", "Leave X-Auxot-Strict out.") \
    X(ENDED,  "policy_denied",          "policies leave nobody",                     "An admin can change the policy.")   \
    X(ENDED,  "rate_limited_requests",  "the limit of requests a minute is reached", "Wait, or have requests_per_minute raised.") \
    X(ENDED,  "rate_limited_tokens",    "the limit of tokens a minute is reached",   "Wait, or have tokens_per_minute raised.") \
    X(ENDED,  "concurrency",            "the limit of requests at a time is reached", "Wait, or have max_concurrent raised.") \
    X(ENDED,  "budget_spent",           "the month's budget is spent",               "Have the budget raised.")           \
    X(ENDED,  "price_unknown",          "there is a budget, and no price is known",  "Give the model a price.")           \
    X(ENDED,  "bad_wait",               "X-Auxot-Wait is no time",                   "Send 0, 500ms, 30s or 2m.")         \
    X(ENDED,  "queue_timeout",          "all were busy as long as it might wait",    "Add slots, or let it wait longer.") \
    X(ENDED,  "no_slot",                "all were busy, and it might not wait",      "Add slots, or let it wait.")        \
    X(ENDED,  "queue_full",             "too many wait already",                     "Add slots.")                        \
    X(ENDED,  "no_worker",              "no worker that could is online",            "Start a worker.")                   \
    X(ENDED,  "workers_busy",           "workers took it and had no room after all", "Send it again.")                    \
    X(ENDED,  "poison",                 "several workers failed in the middle of it", "Look at the workers' logs: this request may be why.") \
    X(ENDED,  "all_over_quota",         "everybody is over quota",                   "Wait for the first reset.")         \
    X(ENDED,  "attempts_exhausted",     "whoever was asked failed",                  "See why each of them failed.")      \
    X(ENDED,  "deadline",               "it took longer than a job may",             "Raise job_timeout if jobs need so long.") \
    X(ENDED,  "key_revoked",            "its key was revoked",                       "")                                  \
    X(ENDED,  "key_expired",            "its key ended",                             "Use another key.")                  \
    X(ENDED,  "session_ended",          "its session ended",                         "Sign in again.")                    \
    X(ENDED,  "shutdown",               "the server shut down",                      "Send it again.")                    \
    X(ENDED,  "no_memory",              "the server was out of memory",              "Give the server more memory.")      \
    X(ENDED,  "record_not_writable",    "the server could not record it",            "Is the disk full?")                 \
    X(ENDED,  "internal",               "an internal error",                         "Look in the server's log for the job's id.")
// clang-format on

struct why_row {
    enum why why;
    const char *code, *words, *fix; /* fix: "" none */
};
/** All rows, for whoever lists them; NULL behind the last. */
const struct why_row *why_at(size_t index);
/** NULL: no such code in this class. */
const struct why_row *why_find(enum why why, struct str code);
