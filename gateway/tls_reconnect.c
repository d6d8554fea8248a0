#include "tls_reconnect.h"

#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

/* MS-RDPBCGR 5.5: the verifier is HMAC-MD5(random, ClientRandom), and under TLS the client has no random: 32
 * zero bytes take its place. Its strength is the 16 random bytes' alone. */
int tls_reconnect_make(uint8_t ret_random[RECONNECT_RANDOM_LEN], struct secret *ret_verifier)
{
    static const uint8_t client_random[32];
    uint8_t verifier[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    char text[2 * RECONNECT_VERIFIER_LEN + 1];
    bool good = RAND_bytes(ret_random, RECONNECT_RANDOM_LEN) == 1 &&
                HMAC(EVP_md5(), ret_random, RECONNECT_RANDOM_LEN, client_random, sizeof client_random,
                     verifier, &len) &&
                len == RECONNECT_VERIFIER_LEN;
    ERR_clear_error();
    if (!good)
        return CE_INTERNAL;
    reconnect_verifier_print(verifier, text);
    int rc = secret_set(ret_verifier, text, sizeof text - 1);
    secret_wipe_bytes(verifier, sizeof verifier);
    secret_wipe_bytes(text, sizeof text);
    return rc;
}
