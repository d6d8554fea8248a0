#include "credssp_back.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "credssp_key.h"
#include "sspi.h"
#include "tsrequest.h"
#include "utf16.h"

enum {
    TOKEN_MAX_BYTES = 4096,
    TEXT_MAX_BYTES = 2 * SECRET_MAX_BYTES,
};

enum step { STEP_FIRST, STEP_TOKENS, STEP_KEY, STEP_OVER };

struct credssp_back {
    enum step step;
    uint32_t version, status;
    bool has_version; /* the guest's is known too */
    struct sspi *sspi;
    uint8_t nonce[TSREQUEST_NONCE_LEN];
    uint8_t key[CREDSSP_KEY_MAX_BYTES];
    size_t key_len;
    /* TSPasswordCreds, in UTF-16 */
    uint8_t user[TEXT_MAX_BYTES], domain[TEXT_MAX_BYTES], password[TEXT_MAX_BYTES];
    size_t user_len, domain_len, password_len;
};

static int texts_fill(struct credssp_back *x, const struct credssp_back_credentials *c)
{
    int rc = utf16_from_utf8(c->user, strlen(c->user), x->user, sizeof x->user, &x->user_len);
    if (!rc)
        rc = utf16_from_utf8(c->domain, strlen(c->domain), x->domain, sizeof x->domain, &x->domain_len);
    if (!rc)
        rc = utf16_from_utf8(c->password->bytes, c->password->len, x->password, sizeof x->password,
                             &x->password_len);
    return rc;
}

int credssp_back_create(struct credssp_back **ret, const struct credssp_back_credentials *credentials,
                        const char *address, const uint8_t *key, size_t key_len, uint32_t version)
{
    if (key_len == 0 || key_len > CREDSSP_KEY_MAX_BYTES)
        return CE_BAD_INPUT;
    struct credssp_back *x = calloc(1, sizeof *x);
    if (!x)
        return CE_NOMEM;
    x->version = version;
    memcpy(x->key, key, key_len);
    x->key_len = key_len;
    secret_random_bytes(x->nonce, sizeof x->nonce);
    int rc = texts_fill(x, credentials);
    if (!rc)
        rc = sspi_create_client(&x->sspi, credentials->user, credentials->domain, credentials->password,
                                address);
    if (rc)
        credssp_back_destroy(&x);
    else
        *ret = x;
    return rc;
}

void credssp_back_destroy(struct credssp_back **exchange)
{
    struct credssp_back *x = *exchange;
    if (!x)
        return;
    sspi_destroy(&x->sspi);
    secret_wipe_bytes(x, sizeof *x);
    free(x);
    *exchange = NULL;
}

/* Behind the last token stands the binding, in the same message. */
static enum credssp_back_result say_key(struct credssp_back *x, struct tsrequest_span token, struct writer *w)
{
    uint8_t binding[CREDSSP_KEY_MAX_BYTES], sealed[CREDSSP_KEY_MAX_BYTES + SSPI_TRAILER_MAX_BYTES];
    struct tsrequest r = {.version = x->version, .nego_token = token};
    size_t len;
    if (credssp_key_binding(x->version, x->nonce, x->key, x->key_len, false, binding, &len) ||
        sspi_seal(x->sspi, binding, len, sealed, &len))
        return CREDSSP_BACK_BAD;
    r.pub_key_auth = (struct tsrequest_span){.bytes = sealed, .len = len};
    if (x->version >= TSREQUEST_VERSION_NONCE)
        r.client_nonce = (struct tsrequest_span){.bytes = x->nonce, .len = sizeof x->nonce};
    tsrequest_write(w, &r);
    x->step = STEP_KEY;
    return CREDSSP_BACK_MORE;
}

static enum credssp_back_result say_token(struct credssp_back *x, struct tsrequest_span in, struct writer *w)
{
    uint8_t out[TOKEN_MAX_BYTES];
    size_t len = 0;
    enum sspi_result result = sspi_step(x->sspi, in.bytes, in.len, out, sizeof out, &len);
    struct tsrequest_span token = {.bytes = len ? out : NULL, .len = len};
    x->step = STEP_OVER;
    /* NTLM's client is done when it has made its last token, whatever the call says. */
    if (result == SSPI_DONE)
        return say_key(x, token, w);
    if (result != SSPI_CONTINUE || !token.bytes)
        return CREDSSP_BACK_BAD;
    x->step = STEP_TOKENS;
    tsrequest_write(w, &(struct tsrequest){.version = x->version, .nego_token = token});
    return CREDSSP_BACK_MORE;
}

enum credssp_back_result credssp_back_begin(struct credssp_back *x, struct writer *w)
{
    if (x->step != STEP_FIRST)
        return CREDSSP_BACK_BAD;
    return say_token(x, (struct tsrequest_span){0}, w);
}

static bool binding_is_right(struct credssp_back *x, const struct tsrequest_span *sealed)
{
    uint8_t bytes[CREDSSP_KEY_MAX_BYTES + SSPI_TRAILER_MAX_BYTES], expected[CREDSSP_KEY_MAX_BYTES], *text;
    size_t len, expected_len;
    if (!sealed->bytes || sealed->len > sizeof bytes)
        return false;
    memcpy(bytes, sealed->bytes, sealed->len);
    return !sspi_open(x->sspi, bytes, sealed->len, &text, &len) &&
           !credssp_key_binding(x->version, x->nonce, x->key, x->key_len, true, expected, &expected_len) &&
           len == expected_len && memcmp(text, expected, len) == 0;
}

static enum credssp_back_result say_credentials(struct credssp_back *x, struct writer *w)
{
    uint8_t plain[3 * TEXT_MAX_BYTES + 128], sealed[sizeof plain + SSPI_TRAILER_MAX_BYTES];
    struct writer p = writer_init(plain, sizeof plain);
    size_t len = 0;
    tscredentials_write(&p,
                        &(struct tscredentials){.domain = {.bytes = x->domain, .len = x->domain_len},
                                                .user = {.bytes = x->user, .len = x->user_len},
                                                .password = {.bytes = x->password, .len = x->password_len}});
    int rc = writer_ok(&p) ? sspi_seal(x->sspi, plain, writer_len(&p), sealed, &len) : CE_INTERNAL;
    secret_wipe_bytes(plain, sizeof plain);
    if (!rc)
        tsrequest_write(
            w, &(struct tsrequest){.version = x->version, .auth_info = {.bytes = sealed, .len = len}});
    return rc ? CREDSSP_BACK_BAD : CREDSSP_BACK_DONE;
}

enum credssp_back_result credssp_back_read(struct credssp_back *x, const uint8_t *bytes, size_t len,
                                           struct writer *w)
{
    struct tsrequest r;
    enum step step = x->step;
    x->step = STEP_OVER;
    if ((step != STEP_TOKENS && step != STEP_KEY) || tsrequest_parse(bytes, len, &r) ||
        r.version < TSREQUEST_VERSION_MIN)
        return CREDSSP_BACK_BAD;
    if (r.has_error) {
        x->status = r.error_code;
        return CREDSSP_BACK_REFUSED;
    }
    if (!x->has_version && r.version < x->version)
        x->version = r.version;
    x->has_version = true;
    if (step == STEP_TOKENS)
        return r.nego_token.bytes ? say_token(x, r.nego_token, w) : CREDSSP_BACK_BAD;
    /* Nothing secret is sealed for a guest that does not know the key of the certificate that we see. */
    return binding_is_right(x, &r.pub_key_auth) ? say_credentials(x, w) : CREDSSP_BACK_BAD;
}

uint32_t credssp_back_status(const struct credssp_back *x)
{
    return x->status;
}
