#include "fuzz.h"

#include <string.h>

#include "tsrequest.h"

static int same(const struct tsrequest_span *a, const struct tsrequest_span *b)
{
    return (a->bytes != NULL) == (b->bytes != NULL) && a->len == b->len &&
           (a->len == 0 || memcmp(a->bytes, b->bytes, a->len) == 0);
}

/* What was understood can be said again, and is understood as the same. */
static void check_request(const struct tsrequest *r)
{
    uint8_t buf[TSREQUEST_MAX_LEN + 64];
    struct writer w = writer_init(buf, sizeof buf);
    struct tsrequest again;
    size_t framed;
    touch(r->nego_token.bytes, r->nego_token.len);
    touch(r->auth_info.bytes, r->auth_info.len);
    touch(r->pub_key_auth.bytes, r->pub_key_auth.len);
    MUST(!r->client_nonce.bytes || r->client_nonce.len == TSREQUEST_NONCE_LEN);
    if (r->version > 0x7f)
        return;
    tsrequest_write(&w, r);
    MUST(writer_ok(&w));
    if (writer_len(&w) > TSREQUEST_MAX_LEN)
        return;
    MUST(tsrequest_frame(buf, writer_len(&w), &framed) == 0 && framed == writer_len(&w));
    MUST(tsrequest_parse(buf, framed, &again) == 0);
    MUST(again.version == r->version && again.has_error == r->has_error &&
         (!r->has_error || again.error_code == r->error_code));
    MUST(same(&again.nego_token, &r->nego_token) && same(&again.auth_info, &r->auth_info) &&
         same(&again.pub_key_auth, &r->pub_key_auth) && same(&again.client_nonce, &r->client_nonce));
}

static void check_credentials(const struct tscredentials *c, size_t size)
{
    MUST(c->domain.len + c->user.len + c->password.len <= size);
    touch(c->domain.bytes, c->domain.len);
    touch(c->user.bytes, c->user.len);
    touch(c->password.bytes, c->password.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tsrequest r;
    struct tscredentials c;
    size_t framed;
    if (tsrequest_frame(data, size, &framed) == 0)
        MUST(framed <= size && framed <= TSREQUEST_MAX_LEN);
    if (tsrequest_parse(data, size, &r) == 0)
        check_request(&r);
    if (tscredentials_parse(data, size, &c) == 0)
        check_credentials(&c, size);
    return 0;
}
