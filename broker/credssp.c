#include "credssp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "credssp_key.h"
#include "kerberos.h"
#include "spnego_offer.h"
#include "sspi.h"
#include "tsrequest.h"
#include "utf16.h"

enum {
    TOKEN_MAX_BYTES = 4096, /* NTLM's CHALLENGE_MESSAGE inside SPNEGO has less than 1 KiB */
    /* The message with the proof; known clients send less than 700. WinPR does not free a part of one that it
     * refuses, so what a guesser costs is bounded by this and by the pauses. */
    PROOF_MAX_BYTES = 2048,
    STATUS_IS_ERROR = 0xc, /* the high digit of an NTSTATUS that is an error */
};

enum step { STEP_TOKENS, STEP_ASKING, STEP_KEY, STEP_CREDENTIALS, STEP_OVER };

struct credssp {
    enum step step;
    uint32_t version; /* what both sides know; 0: nothing was read yet */
    bool is_proven;
    struct sspi *sspi;         /* NULL: there is no NTLM on this machine */
    struct kerberos *kerberos; /* NULL: the client began with NTLM */
    const struct kerberos_keys *keys;
    uint8_t key[CREDSSP_KEY_MAX_BYTES];
    size_t key_len;
    bool has_nonce;
    uint8_t nonce[TSREQUEST_NONCE_LEN];
    struct ntlm_name name;
    struct credssp_delegated delegated;
    size_t asking_len;
    uint8_t asking[TSREQUEST_MAX_LEN]; /* the message that waits for a hash, or for the ticket's user */
    size_t answer_len;
    uint8_t answer[TOKEN_MAX_BYTES]; /* to that ticket */
};

int credssp_create(struct credssp **ret, const uint8_t *key, size_t key_len, const struct kerberos_keys *keys)
{
    if (key_len == 0 || key_len > CREDSSP_KEY_MAX_BYTES)
        return CE_BAD_INPUT;
    struct credssp *x = calloc(1, sizeof *x);
    if (!x)
        return CE_NOMEM;
    memcpy(x->key, key, key_len);
    x->key_len = key_len;
    x->keys = keys;
    int rc = keys && sspi_library_init() ? 0 : sspi_create_server(&x->sspi);
    if (rc)
        credssp_destroy(&x);
    else
        *ret = x;
    return rc;
}

void credssp_destroy(struct credssp **exchange)
{
    struct credssp *x = *exchange;
    if (!x)
        return;
    sspi_destroy(&x->sspi);
    kerberos_destroy(&x->kerberos);
    secret_wipe_bytes(x, sizeof *x);
    free(x);
    *exchange = NULL;
}

/* ---- sealed messages, of whichever of the two ---- */

enum {
    TRAILER_MAX_BYTES = (int)KERBEROS_TRAILER_MAX_BYTES > (int)SSPI_TRAILER_MAX_BYTES
                            ? (int)KERBEROS_TRAILER_MAX_BYTES
                            : (int)SSPI_TRAILER_MAX_BYTES,
};

static int seal(struct credssp *x, const uint8_t *text, size_t len, uint8_t *ret, size_t *ret_len)
{
    return x->kerberos ? kerberos_seal(x->kerberos, text, len, ret, ret_len)
                       : sspi_seal(x->sspi, text, len, ret, ret_len);
}

static int unseal(struct credssp *x, uint8_t *bytes, size_t len, uint8_t **ret_text, size_t *ret_len)
{
    return x->kerberos ? kerberos_unseal(x->kerberos, bytes, len, ret_text, ret_len)
                       : sspi_open(x->sspi, bytes, len, ret_text, ret_len);
}

/* ---- the binding to the gateway's TLS key ---- */

static bool binding_is(const struct credssp *x, const uint8_t *text, size_t len)
{
    uint8_t expected[CREDSSP_KEY_MAX_BYTES];
    size_t expected_len;
    return !credssp_key_binding(x->version, x->nonce, x->key, x->key_len, false, expected, &expected_len) &&
           len == expected_len && memcmp(text, expected, len) == 0;
}

/* Reads the client's binding and writes ours, with TOKEN (may be missing) in the same message. */
static enum credssp_result bind_key(struct credssp *x, const struct tsrequest *r, struct tsrequest_span token,
                                    struct writer *w)
{
    uint8_t bytes[CREDSSP_KEY_MAX_BYTES + TRAILER_MAX_BYTES], binding[CREDSSP_KEY_MAX_BYTES], *text;
    const struct tsrequest_span *sealed = &r->pub_key_auth;
    size_t len;
    x->step = STEP_OVER;
    if (!sealed->bytes || sealed->len > sizeof bytes ||
        (x->version >= TSREQUEST_VERSION_NONCE && !x->has_nonce))
        return CREDSSP_BAD;
    memcpy(bytes, sealed->bytes, sealed->len);
    int rc = unseal(x, bytes, sealed->len, &text, &len);
    if (rc)
        return rc == CE_REFUSED && !x->kerberos ? CREDSSP_DENIED : CREDSSP_BAD;
    if (!binding_is(x, text, len))
        return CREDSSP_BAD;
    if (credssp_key_binding(x->version, x->nonce, x->key, x->key_len, true, binding, &len) ||
        seal(x, binding, len, bytes, &len))
        return CREDSSP_BAD;
    tsrequest_write(w, &(struct tsrequest){.version = TSREQUEST_VERSION,
                                           .nego_token = token,
                                           .pub_key_auth = {.bytes = bytes, .len = len}});
    x->step = STEP_CREDENTIALS;
    return CREDSSP_MORE;
}

/* ---- tokens ---- */

static enum credssp_result accepted(struct credssp *x, const struct tsrequest *r, struct tsrequest_span token,
                                    struct writer *w)
{
    x->step = STEP_OVER;
    if (!x->name.user[0])
        return CREDSSP_BAD;
    x->step = STEP_KEY;
    x->is_proven = true;
    if (r->pub_key_auth.bytes)
        return bind_key(x, r, token, w);
    if (token.bytes)
        tsrequest_write(w, &(struct tsrequest){.version = TSREQUEST_VERSION, .nego_token = token});
    return CREDSSP_MORE;
}

static enum credssp_result token_accept(struct credssp *x, const struct tsrequest *r, struct writer *w)
{
    uint8_t out[TOKEN_MAX_BYTES];
    size_t len = 0;
    enum sspi_result result =
        sspi_step(x->sspi, r->nego_token.bytes, r->nego_token.len, out, sizeof out, &len);
    struct tsrequest_span token = {.bytes = len ? out : NULL, .len = len};
    if (result == SSPI_DONE)
        return accepted(x, r, token, w);
    if (result == SSPI_CONTINUE && token.bytes) {
        x->step = STEP_TOKENS;
        tsrequest_write(w, &(struct tsrequest){.version = TSREQUEST_VERSION, .nego_token = token});
        return CREDSSP_MORE;
    }
    x->step = STEP_OVER;
    return result == SSPI_DENIED ? CREDSSP_DENIED : CREDSSP_BAD;
}

/* "anna@EXAMPLE.ORG": the realm is behind the last one, because what stands before may have some too. */
static int principal_split(const char *principal, struct ntlm_name *ret)
{
    const char *at = strrchr(principal, '@');
    if (!at || at == principal)
        return CE_BAD_INPUT;
    snprintf(ret->user, sizeof ret->user, "%.*s", (int)(at - principal), principal);
    snprintf(ret->domain, sizeof ret->domain, "%s", at + 1);
    return 0;
}

/* Stops when the ticket is good: whether its principal is a user is not known here. */
static enum credssp_result read_ticket(struct credssp *x, const struct tsrequest *r, const uint8_t *bytes,
                                       size_t len, struct writer *w)
{
    switch (kerberos_step(x->kerberos, r->nego_token.bytes, r->nego_token.len, x->answer, sizeof x->answer,
                          &x->answer_len)) {
    case KERBEROS_CONTINUE:
        if (!x->answer_len)
            return CREDSSP_BAD;
        tsrequest_write(w, &(struct tsrequest){.version = TSREQUEST_VERSION,
                                               .nego_token = {.bytes = x->answer, .len = x->answer_len}});
        return CREDSSP_MORE;
    case KERBEROS_DONE:
        if (principal_split(kerberos_principal(x->kerberos), &x->name))
            return CREDSSP_BAD;
        memcpy(x->asking, bytes, len);
        x->asking_len = len;
        x->step = STEP_ASKING;
        return CREDSSP_ASKS;
    case KERBEROS_REFUSED:
        break;
    }
    x->step = STEP_OVER;
    return CREDSSP_TICKET;
}

/* Stops at the message that names the user: its hash is not here. */
static enum credssp_result read_token(struct credssp *x, const struct tsrequest *r, const uint8_t *bytes,
                                      size_t len, struct writer *w)
{
    if (!r->nego_token.bytes)
        return CREDSSP_BAD;
    const struct kerberos_keys *keys = x->keys;
    x->keys = NULL;
    if (keys && spnego_offers_kerberos(r->nego_token.bytes, r->nego_token.len) &&
        kerberos_create(&x->kerberos, keys))
        return CREDSSP_BAD;
    if (x->kerberos)
        return read_ticket(x, r, bytes, len, w);
    if (!x->sspi)
        return CREDSSP_BAD;
    int rc = ntlm_name_parse(r->nego_token.bytes, r->nego_token.len, &x->name);
    if (rc == CE_NOT_FOUND)
        return token_accept(x, r, w);
    if (rc || !x->name.user[0] || r->nego_token.len > PROOF_MAX_BYTES || !sspi_has_begun(x->sspi))
        return CREDSSP_BAD;
    memcpy(x->asking, bytes, len);
    x->asking_len = len;
    x->step = STEP_ASKING;
    return CREDSSP_ASKS;
}

static void hash_read(const struct secret *hex, uint8_t ret[SSPI_NT_HASH_BYTES])
{
    for (size_t i = 0; i < SSPI_NT_HASH_BYTES; i++) {
        char digits[3] = {hex->bytes[2 * i], hex->bytes[2 * i + 1], 0};
        ret[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
}

enum credssp_result credssp_verify(struct credssp *x, const struct secret *nt_hash, struct writer *w)
{
    uint8_t hash[SSPI_NT_HASH_BYTES];
    struct tsrequest r;
    if (x->step != STEP_ASKING || x->kerberos || tsrequest_parse(x->asking, x->asking_len, &r))
        return CREDSSP_BAD;
    if (nt_hash->len == 2 * SSPI_NT_HASH_BYTES)
        hash_read(nt_hash, hash);
    else
        secret_random_bytes(hash, sizeof hash); /* nobody's: the same work, and a refusal */
    x->step = STEP_OVER;
    int rc = sspi_set_nt_hash(x->sspi, hash);
    secret_wipe_bytes(hash, sizeof hash);
    return rc ? CREDSSP_BAD : token_accept(x, &r, w);
}

enum credssp_result credssp_admit(struct credssp *x, struct writer *w)
{
    struct tsrequest r;
    if (x->step != STEP_ASKING || !x->kerberos || tsrequest_parse(x->asking, x->asking_len, &r))
        return CREDSSP_BAD;
    return accepted(
        x, &r, (struct tsrequest_span){.bytes = x->answer_len ? x->answer : NULL, .len = x->answer_len}, w);
}

bool credssp_is_ticket(const struct credssp *x)
{
    return x->kerberos;
}

const char *credssp_ticket_words(const struct credssp *x)
{
    return kerberos_words(x->kerberos);
}

enum credssp_status credssp_ticket_status(const struct credssp *x)
{
    return kerberos_reason(x->kerberos) == KERBEROS_CLOCKS_DIFFER ? CREDSSP_CLOCKS_DIFFER
                                                                  : CREDSSP_LOGON_FAILURE;
}

/* ---- the delegated credentials ---- */

static int text_of(const struct tsrequest_span *span, char *ret, size_t size)
{
    size_t len;
    return utf16_to_utf8(span->bytes, span->len, ret, size, &len);
}

static enum credssp_result read_credentials(struct credssp *x, const struct tsrequest *r)
{
    uint8_t bytes[TSREQUEST_MAX_LEN], *text;
    struct tscredentials c;
    struct credssp_delegated *d = &x->delegated;
    size_t len = 0;
    x->step = STEP_OVER;
    if (!r->auth_info.bytes)
        return CREDSSP_BAD;
    memcpy(bytes, r->auth_info.bytes, r->auth_info.len);
    int rc = unseal(x, bytes, r->auth_info.len, &text, &len);
    if (!rc)
        rc = tscredentials_parse(text, len, &c);
    if (!rc)
        rc = text_of(&c.domain, d->domain, sizeof d->domain);
    if (!rc)
        rc = text_of(&c.user, d->user, sizeof d->user);
    if (!rc)
        rc = text_of(&c.password, d->password.bytes, sizeof d->password.bytes);
    secret_wipe_bytes(bytes, sizeof bytes);
    d->password.len = rc ? 0 : strlen(d->password.bytes);
    return rc ? CREDSSP_BAD : CREDSSP_DONE;
}

enum credssp_result credssp_read(struct credssp *x, const uint8_t *bytes, size_t len, struct writer *w)
{
    struct tsrequest r;
    if (x->step == STEP_OVER || x->step == STEP_ASKING || tsrequest_parse(bytes, len, &r) ||
        r.version < TSREQUEST_VERSION_MIN) {
        x->step = STEP_OVER;
        return CREDSSP_BAD;
    }
    if (!x->version)
        x->version = r.version < TSREQUEST_VERSION ? r.version : TSREQUEST_VERSION;
    if (r.client_nonce.bytes) { /* FreeRDP sends it with every message, others with the key only */
        memcpy(x->nonce, r.client_nonce.bytes, sizeof x->nonce);
        x->has_nonce = true;
    }
    if (x->step == STEP_TOKENS)
        return read_token(x, &r, bytes, len, w);
    if (x->step == STEP_KEY)
        return bind_key(x, &r, (struct tsrequest_span){0}, w);
    return read_credentials(x, &r);
}

/* ---- the rest ---- */

void credssp_write_error(const struct credssp *x, enum credssp_status status, struct writer *w)
{
    if (x->version < 3 || x->version == 5)
        return;
    tsrequest_write(w, &(struct tsrequest){.version = TSREQUEST_VERSION,
                                           .has_error = true,
                                           .error_code = (uint32_t)STATUS_IS_ERROR << 28 | (uint32_t)status});
}

bool credssp_is_proven(const struct credssp *x)
{
    return x->is_proven;
}

const struct ntlm_name *credssp_name(const struct credssp *x)
{
    return &x->name;
}

const struct credssp_delegated *credssp_delegated(const struct credssp *x)
{
    return &x->delegated;
}

int credssp_nt_hash(const struct secret *password, struct secret *ret_hash)
{
    uint8_t hash[SSPI_NT_HASH_BYTES];
    char hex[2 * SSPI_NT_HASH_BYTES + 1];
    int rc = sspi_nt_hash(password, hash);
    for (size_t i = 0; !rc && i < sizeof hash; i++)
        snprintf(hex + 2 * i, 3, "%02x", hash[i]);
    if (!rc)
        rc = secret_set(ret_hash, hex, sizeof hex - 1);
    secret_wipe_bytes(hash, sizeof hash);
    secret_wipe_bytes(hex, sizeof hex);
    return rc;
}
