/* sys/vault_ring.c: which secrets a vault has, and the identity that outlives them. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "sys/vault_parts.h"

#include <assert.h>
#include <string.h>

struct ring *ring_take(const struct vault *vault)
{
    pthread_mutex_lock((pthread_mutex_t *)(uintptr_t)&vault->lock);
    return (struct ring *)(uintptr_t)secret_borrow(vault->ring).at; /* page aligned */
}

void ring_give(const struct vault *vault)
{
    pthread_mutex_unlock((pthread_mutex_t *)(uintptr_t)&vault->lock);
}

/* ---- the ring ------------------------------------------------------------------------------------ */

static void check_of(const struct derived *keys, uint8_t out_value[32])
{
    struct mac mac;
    mac_key(&mac, keys->key[PURPOSE_CHECK]);
    mac_digest(&mac, STR("auxot check value"), out_value);
    secret_wipe(&mac, sizeof mac);
}

void vault_check_value(const struct vault *vault, uint8_t out_value[32])
{
    check_of(&ring_take(vault)->at[0], out_value);
    ring_give(vault);
}

/* The ring is taken. VAULT_RING_MAX: it is not there. */
static unsigned ring_index(const struct ring *ring, const uint8_t check[32])
{
    uint8_t each[32];
    for (unsigned i = 0; i < ring->count; i++) {
        check_of(&ring->at[i], each);
        if (memcmp(each, check, sizeof each) == 0)
            return i;
    }
    return VAULT_RING_MAX;
}

enum vault_place vault_ring_find(const struct vault *vault, const uint8_t check[32])
{
    const struct ring *ring = ring_take(vault);
    unsigned index = ring_index(ring, check);
    enum vault_place place = index < VAULT_RING_MAX ? ring->place[index] : VAULT_NOWHERE;
    ring_give(vault);
    return place;
}

static void ring_changed(struct vault *vault)
{
    atomic_store_explicit(&vault->serial, vault_serial_next(), memory_order_release);
}

/* Behind the current one; the last makes way in a full ring. */
static void ring_put(struct ring *ring, const struct derived *keys, enum vault_place place)
{
    uint8_t check[32];
    check_of(keys, check);
    if (ring_index(ring, check) < VAULT_RING_MAX)
        return;
    if (ring->count < VAULT_RING_MAX)
        ring->count++;
    for (unsigned i = ring->count - 1; i > 1; i--) {
        ring->at[i] = ring->at[i - 1];
        ring->place[i] = ring->place[i - 1];
    }
    ring->at[1] = *keys;
    ring->place[1] = place;
}

enum err vault_ring_add(struct vault *vault, struct str master_secret, enum vault_place place,
                        uint8_t out_check[32], struct error *error)
{
    struct derived keys = {0};
    enum err err = secret_check(master_secret, error);
    if (err != OK)
        return err;
    bool is_done = derive_all(master_secret, &keys);
    if (is_done) {
        ring_put(ring_take(vault), &keys, place);
        ring_changed(vault);
        ring_give(vault);
        check_of(&keys, out_check);
    }
    secret_wipe(&keys, sizeof keys);
    return is_done ? OK : error_set(error, ERR_NO_MEMORY, "OpenSSL could not derive the keys");
}

void vault_ring_choose(struct vault *vault, const uint8_t check[32])
{
    struct ring *ring = ring_take(vault);
    unsigned index = ring_index(ring, check);
    assert(index < VAULT_RING_MAX);
    struct derived chosen = ring->at[index];
    for (unsigned i = index; i > 0; i--) {
        ring->at[i] = ring->at[i - 1];
        ring->place[i] = VAULT_PREVIOUS;
    }
    ring->at[0] = chosen;
    ring->place[0] = VAULT_CURRENT;
    ring_changed(vault);
    ring_give(vault);
    secret_wipe(&chosen, sizeof chosen);
}

bool vault_is_current(const struct vault *vault, struct str blob)
{
    const struct ring *ring = ring_take(vault);
    bool is_current = blob.len > KEY_ID_BYTES &&
                      memcmp(blob.at + 1, ring->at[0].key[PURPOSE_KEY_ID], KEY_ID_BYTES) == 0;
    ring_give(vault);
    return is_current;
}

/* ---- the identity -------------------------------------------------------------------------------- */

const struct identity *identity_of(const struct vault *vault)
{
    return (const struct identity *)(const void *)secret_borrow(vault->identity).at; /* aligned */
}

void identity_set(struct vault *vault, const struct derived *keys)
{
    struct identity *identity = (struct identity *)(uintptr_t)secret_borrow(vault->identity).at;
    memcpy(identity->key, keys->key, sizeof identity->key);
    for (size_t i = 0; i < PURPOSE_COUNT; i++)
        mac_key(&identity->mac[i], identity->key[i]);
}

static const char *const identity_place[4] = {"auxot", "setting", "secret_identity", "1"};

enum err vault_identity_seal(const struct vault *vault, const uint8_t check[32], struct buf *out,
                             struct error *error)
{
    uint8_t kept[KEPT_KEYS][KEY_BYTES];
    size_t count = 0;
    for (size_t i = 0; i < PURPOSE_COUNT; i++)
        if (purpose_is_kept[i])
            memcpy(kept[count++], identity_of(vault)->key[i], KEY_BYTES);
    assert(count == KEPT_KEYS);
    const struct ring *ring = ring_take(vault);
    unsigned index = ring_index(ring, check);
    assert(index < VAULT_RING_MAX);
    enum err err = seal_under(vault, &ring->at[index], identity_place,
                              (struct str){(const char *)kept, sizeof kept}, out, error);
    ring_give(vault);
    secret_wipe(kept, sizeof kept);
    return err;
}

void vault_identity_derive(struct vault *vault, const uint8_t check[32])
{
    const struct ring *ring = ring_take(vault);
    unsigned index = ring_index(ring, check);
    assert(index < VAULT_RING_MAX);
    identity_set(vault, &ring->at[index]);
    ring_give(vault);
}

enum err vault_identity_open(struct vault *vault, struct str blob, struct error *error)
{
    struct secret *plain = NULL;
    struct derived keys = {0};
    enum err err = vault_open(vault, identity_place[0], identity_place[1], identity_place[2],
                              identity_place[3], blob, &plain, error);
    if (err != OK)
        return err;
    struct str kept = secret_borrow(plain);
    bool is_whole = kept.len == (size_t)KEPT_KEYS * KEY_BYTES;
    for (size_t i = 0; is_whole && i < PURPOSE_COUNT; i++)
        if (purpose_is_kept[i]) {
            memcpy(keys.key[i], kept.at, KEY_BYTES);
            kept = str_from(kept, KEY_BYTES);
        }
    if (is_whole)
        identity_set(vault, &keys);
    secret_wipe(&keys, sizeof keys);
    secret_free(plain);
    return is_whole
               ? OK
               : error_set(error, ERR_MALFORMED, "the sealed identity of this server is damaged");
}
