/* tests/fuzz/fuzz_messages_prompt.c: any bytes as a messages body, for a provider of each dialect. */
#include "tests/fuzz/translation.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    fuzz_prompt(ENDPOINT_MESSAGES, bytes, len);
    return 0;
}
