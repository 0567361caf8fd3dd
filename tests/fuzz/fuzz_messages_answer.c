/* tests/fuzz/fuzz_messages_answer.c: any bytes as what a messages provider says, for a caller of each dialect. */
#include "tests/fuzz/translation.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    fuzz_answer(ENDPOINT_MESSAGES, bytes, len);
    return 0;
}
