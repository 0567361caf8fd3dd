/* sys/vault_parts.h: what vault.c and envelope.c share. Nobody else includes it. */
#pragma once
#include "sys/vault.h"
#include <openssl/evp.h>

/** 32 bytes; borrowed, never copied. */
const uint8_t *vault_envelope_key(const struct vault *vault);
/** AES-256-GCM. */
const EVP_CIPHER *vault_cipher(const struct vault *vault);
