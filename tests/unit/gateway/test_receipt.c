/* tests/unit/gateway/test_receipt.c: what went where is told as it was added. */
#include "gateway/receipt.h"
#include "tests/test.h"

static void what_came_is_told_in_order(void **state)
{
    (void)state;
    struct receipt receipt = {.is_wanted = true};
    AUTO_BUF struct buf out;
    buf_init(&out, 256);
    receipt_header(&receipt, &out);
    CHECK_INT("nothing came", out.len, 0);
    receipt_add(&receipt, PHASE_RECORD, 1234567);
    receipt_add(&receipt, PHASE_AUTH, 4499);
    receipt_add(&receipt, PHASE_CONNECT, 0);
    receipt_add(&receipt, PHASE_AUTH, 1);
    receipt_header(&receipt, &out);
    buf_putc(&out, '\0');
    CHECK_STR("rounded to microseconds", out.data,
              "x-auxot-timing: auth;dur=0.005, connect;dur=0.000, record;dur=1.235\r\n");
    CHECK_INT("unknown is not 0", receipt_us(&receipt, PHASE_PARSE), -1);
    CHECK_INT("0 is not unknown", receipt_us(&receipt, PHASE_CONNECT), 0);
}

static void who_does_not_ask_is_told_nothing(void **state)
{
    (void)state;
    struct receipt receipt = {0};
    AUTO_BUF struct buf out;
    buf_init(&out, 256);
    receipt_add(&receipt, PHASE_AUTH, 1000);
    receipt_relay_begin(&receipt);
    receipt_relay(&receipt);
    receipt_header(&receipt, &out);
    CHECK_INT("no header", out.len, 0);
    CHECK_INT("kept all the same", receipt_us(&receipt, PHASE_AUTH), 1);
    CHECK_INT("but for the relay", receipt_us(&receipt, PHASE_RELAY), -1);
}

static void admission_ends_once(void **state)
{
    (void)state;
    struct receipt receipt = {.admit_from = clock_monotonic_ns()};
    receipt_admit_end(&receipt);
    int64_t ns = receipt.ns[PHASE_ADMIT];
    receipt_admit_end(&receipt);
    CHECK("counted", receipt.seen == 1u << PHASE_ADMIT);
    CHECK_INT("once", receipt.ns[PHASE_ADMIT], ns);
}

TEST_MAIN(TEST(what_came_is_told_in_order), TEST(who_does_not_ask_is_told_nothing),
          TEST(admission_ends_once))
