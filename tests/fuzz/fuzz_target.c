/* tests/fuzz/fuzz_target.c: what target_parse takes is safe to put into a request line and a Host header. */
#include "base/mem.h"
#include "http/client.h"

#include <stdio.h>

#include <stdlib.h>

static void require(bool condition)
{
    if (!condition)
        abort();
}

static bool is_plain(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text <= 0x20 || *text == 0x7f)
            return false;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    AUTO_FREE char *url = mem_dup(bytes, len);
    struct target target, again;
    struct error error;
    if (!url || target_parse(url, &target, &error) != OK)
        return 0;
    require(target.port >= 1 && target.port <= 65535);
    require(target.host[0] && is_plain(target.host) && is_plain(target.authority));
    require(is_plain(target.path) && (!target.path[0] || target.path[0] == '/'));
    require(!strpbrk(target.host, "/@?#\\%") && !strpbrk(target.path, "?#"));

    char rebuilt[1024]; /* and what it was understood as is understood the same */
    int n = snprintf(rebuilt, sizeof rebuilt, "%s://%s%s", target.is_tls ? "https" : "http",
                     target.authority, target.path);
    require(n > 0 && (size_t)n < sizeof rebuilt && target_parse(rebuilt, &again, &error) == OK);
    require(strcmp(again.host, target.host) == 0 && again.port == target.port);
    require(strcmp(again.path, target.path) == 0 && again.is_tls == target.is_tls);
    return 0;
}
