/* domain/throttle.h: how often somebody may try a password. T14.
 *
 * Every try draws on two buckets: the address's and the account's. Where the account is known to sign in from the
 * address, there is a third of just this pair: as long as it lasts, a right password is taken although one of the
 * others is empty, so that strangers who guess at an account lock strangers out, not its owner. A wrong one is answered
 * as for an account that nobody has, so that nobody learns who signs in from where. A try that succeeds is given back.
 *
 * Memory:  fixed; an entry that has recovered makes room for another.
 * Layer:   pure.  Thread: any, one at a time (the caller locks).
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define THROTTLE_SETS 512
#define THROTTLE_WAYS 8

enum throttle_kind { THROTTLE_ADDRESS, THROTTLE_ACCOUNT, THROTTLE_PAIR, THROTTLE_KIND_COUNT };

struct throttle_bucket {
    uint64_t key;
    int64_t full_at_ms; /* when all that was taken has come back */
};
struct throttle {
    struct throttle_bucket buckets[THROTTLE_KIND_COUNT][THROTTLE_SETS][THROTTLE_WAYS];
};

/** Keyed hashes, so that nobody can aim at an entry. */
struct throttle_try {
    uint64_t address, account;
    bool is_known;  /* the account signs in from this address */
    unsigned taken; /* throttle_take's: bit per enum throttle_kind */
};

/** May it be tried now? False: not before `*out_wait_ms`; nothing was taken. True with a wait: it may, but unless it
 *  is right, it was refused. */
bool throttle_take(struct throttle *throttle, struct throttle_try *try, int64_t now_ms,
                   int64_t *out_wait_ms);
/** It succeeded, or was not tried after all: gives back what throttle_take took. */
void throttle_give(struct throttle *throttle, const struct throttle_try *try, int64_t now_ms);
