/* bench/receipt_cost.c: what a receipt (X-Auxot-Timing) costs one request. For bench/receipt_cost.sh.
 *
 * Does to a receipt what one plain request does to it: a reading of the clock at each beginning and end of a phase,
 * with a connection that was there, and one answer that comes in two reads. In CPU time of the thread, so that an idle
 * machine and a busy one tell much the same; the least and the median of 101 rounds of 10,000 requests.
 *
 *     kept      what every request pays: its job has the receipt
 *     told      who asked for it, also: the relay is measured, and the header is written
 */
#include "gateway/receipt.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ROUNDS   101
#define REQUESTS 10000

static volatile int64_t kept; /* so that nothing is left out */

static int64_t thread_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void phase(struct receipt *receipt, enum receipt_phase which)
{
    int64_t from = clock_monotonic_ns();
    (void)receipt_since(receipt, which, from);
}

static void one_request(bool is_wanted)
{
    struct receipt receipt = {.is_wanted = is_wanted};
    phase(&receipt, PHASE_AUTH);
    phase(&receipt, PHASE_PARSE);
    phase(&receipt, PHASE_ROUTE);
    receipt.admit_from = clock_monotonic_ns();
    receipt_admit_end(&receipt);
    phase(&receipt, PHASE_RECORD);
    receipt.connect_from = clock_monotonic_ns();
    receipt_add(&receipt, PHASE_CONNECT, 0);
    receipt.hold_from = clock_monotonic_ns();
    for (int read = 0; read < 2; read++) {
        receipt_relay_begin(&receipt); /* its body */
        receipt_relay(&receipt);
        receipt_relay_begin(&receipt); /* that it was all of this read */
        receipt_relay(&receipt);
    }
    (void)receipt_since(&receipt, PHASE_HOLD, receipt.hold_from);
    receipt_relay(&receipt);
    phase(&receipt, PHASE_RECORD);
    for (int i = 0; i < PHASE_COUNT; i++)
        kept += receipt_us(&receipt, (enum receipt_phase)i);
    char room[512];
    struct buf out;
    buf_init_in(&out, sizeof room, room, sizeof room);
    receipt_header(&receipt, &out);
    kept += (int64_t)out.len;
    buf_release(&out);
}

static int compare(const void *a, const void *b)
{
    double one = *(const double *)a, two = *(const double *)b;
    return (one > two) - (one < two);
}

static void measure(const char *name, bool is_wanted)
{
    double ns[ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
        int64_t from = thread_ns();
        for (int i = 0; i < REQUESTS; i++)
            one_request(is_wanted);
        ns[round] = (double)(thread_ns() - from) / REQUESTS;
    }
    qsort(ns, ROUNDS, sizeof ns[0], compare);
    printf("%-6s ns per request: least %.0f, median %.0f\n", name, ns[0], ns[ROUNDS / 2]);
}

int main(void)
{
    measure("kept", false);
    measure("told", true);
    return 0;
}
