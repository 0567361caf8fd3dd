/* store/crc32c.h: the Castagnoli checksum (RFC 3720, appendix B.4). Thread: any. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/** Continues from `crc` (0 at first) over `len` bytes. */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t len);
