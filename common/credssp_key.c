#include "credssp_key.h"

#include <sodium.h>
#include <string.h>

_Static_assert(crypto_hash_sha256_BYTES <= CREDSSP_KEY_MAX_BYTES, "a hash fits");

int credssp_key_binding(uint32_t version, const uint8_t nonce[TSREQUEST_NONCE_LEN], const uint8_t *key,
                        size_t key_len, bool of_server, uint8_t ret[CREDSSP_KEY_MAX_BYTES], size_t *ret_len)
{
    /* With their NULs. */
    static const char to_server[] = "CredSSP Client-To-Server Binding Hash",
                      to_client[] = "CredSSP Server-To-Client Binding Hash";
    crypto_hash_sha256_state state;
    if (key_len == 0 || key_len > CREDSSP_KEY_MAX_BYTES)
        return CE_LIMIT;
    if (version < TSREQUEST_VERSION_NONCE) {
        memcpy(ret, key, key_len);
        ret[0] = (uint8_t)(ret[0] + (of_server ? 1 : 0));
        *ret_len = key_len;
        return 0;
    }
    crypto_hash_sha256_init(&state);
    crypto_hash_sha256_update(&state, (const uint8_t *)(of_server ? to_client : to_server), sizeof to_server);
    crypto_hash_sha256_update(&state, nonce, TSREQUEST_NONCE_LEN);
    crypto_hash_sha256_update(&state, key, key_len);
    crypto_hash_sha256_final(&state, ret);
    *ret_len = crypto_hash_sha256_BYTES;
    return 0;
}
