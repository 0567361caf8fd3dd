/* tests/fuzz/fuzz_cookie.c: lines are Cookie headers; what is found stands there, and the split over headers does not
 * matter. */
#include "http/cookie.h"

#include <stdlib.h>

static void require(bool condition)
{
    if (!condition)
        abort();
}

#define LINES_MAX 16

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct http_header headers[LINES_MAX];
    struct http_head head = {.headers = headers};
    struct str rest = {(const char *)bytes, len};
    while (rest.len && head.header_count < LINES_MAX)
        headers[head.header_count++] = (struct http_header){STR("Cookie"), str_cut(&rest, '\n')};

    bool is_ambiguous = false;
    struct str value = http_cookie_find(&head, STR("auxot"), &is_ambiguous);
    require(!memchr(value.len ? value.at : ".", ';', value.len ? value.len : 1));
    if (value.len) { /* it is a slice of what came, behind its name */
        require(value.at >= (const char *)bytes + 6);
        require(value.at + value.len <= (const char *)bytes + len);
        require(memcmp(value.at - 6, "auxot=", 6) == 0);
    }
    bool is_found_elsewhere = false;
    (void)http_cookie_find(&head, STR("nobody"), &is_found_elsewhere);
    return 0;
}
