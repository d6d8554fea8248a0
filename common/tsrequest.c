#include "tsrequest.h"

#include "cursor.h"

enum {
    DER_INTEGER = 0x02,
    DER_OCTET_STRING = 0x04,
    DER_SEQUENCE = 0x30,
    DER_CONTEXT = 0xa0, /* [0] EXPLICIT, [1] is one more */

    FIELD_VERSION = 0,
    FIELD_NEGO_TOKENS = 1,
    FIELD_AUTH_INFO = 2,
    FIELD_PUB_KEY_AUTH = 3,
    FIELD_ERROR_CODE = 4,
    FIELD_CLIENT_NONCE = 5,

    CREDENTIALS_PASSWORD = 1,
};

/* ---- reading ---- */

/* X.690 8.1.3. False while more bytes are needed; C is overrun where it is no definite length. */
static bool read_length(struct cursor *c, size_t *ret_len)
{
    uint8_t first = cursor_u8(c);
    uint8_t count = first & 0x80 ? first & 0x7f : 0;
    if (first & 0x80 && (count == 0 || count > 4)) {
        c->overrun = true;
        return true;
    }
    if (count > cursor_left(c))
        return false;
    size_t len = count ? 0 : first;
    while (count--)
        len = len << 8 | cursor_u8(c);
    *ret_len = len;
    return true;
}

/* The contents of the next value, which must have this tag: else the result and C are overrun. */
static struct cursor read_value(struct cursor *c, uint8_t tag)
{
    size_t len = 0;
    if (cursor_u8(c) != tag || !read_length(c, &len))
        c->overrun = true;
    return cursor_sub(c, len);
}

/* [FIELD] EXPLICIT around one value of type TAG. */
static struct cursor read_field(struct cursor *c, uint8_t field, uint8_t tag)
{
    struct cursor outer = read_value(c, (uint8_t)(DER_CONTEXT + field));
    struct cursor value = read_value(&outer, tag);
    if (!cursor_ok(&outer) || cursor_left(&outer) != 0)
        c->overrun = true;
    return value;
}

/* Versions are small; an NTSTATUS has 32 bits and is written with its sign, or with a zero before it. */
static uint32_t read_number(struct cursor *c, uint8_t field)
{
    struct cursor v = read_field(c, field, DER_INTEGER);
    size_t n = cursor_left(&v);
    if (n == 0 || n > 5 || (n == 5 && cursor_peek_u8(&v) != 0))
        c->overrun = true;
    uint32_t number = 0;
    while (cursor_left(&v) > 0)
        number = number << 8 | cursor_u8(&v);
    return number;
}

static void read_octets(struct cursor *c, uint8_t field, struct tsrequest_span *ret)
{
    struct cursor v = read_field(c, field, DER_OCTET_STRING);
    if (ret->bytes)
        c->overrun = true; /* twice the same field */
    *ret = (struct tsrequest_span){.bytes = v.at, .len = cursor_left(&v)};
}

/* NegoData ::= SEQUENCE OF SEQUENCE { negoToken [0] OCTET STRING }; every client sends exactly one. */
static void read_nego_tokens(struct cursor *c, struct tsrequest_span *ret)
{
    struct cursor list = read_field(c, FIELD_NEGO_TOKENS, DER_SEQUENCE);
    struct cursor item = read_value(&list, DER_SEQUENCE);
    read_octets(&item, 0, ret);
    if (!cursor_ok(&item) || cursor_left(&item) != 0 || !cursor_ok(&list) || cursor_left(&list) != 0)
        c->overrun = true;
}

int tsrequest_frame(const uint8_t *bytes, size_t len, size_t *ret_len)
{
    struct cursor c = cursor_init(bytes, len);
    size_t inner = 0;
    if (len == 0)
        return CE_NEED_MORE;
    if (cursor_u8(&c) != DER_SEQUENCE)
        return CE_BAD_INPUT;
    if (cursor_left(&c) == 0 || !read_length(&c, &inner))
        return CE_NEED_MORE;
    if (!cursor_ok(&c))
        return CE_BAD_INPUT;
    size_t header = len - cursor_left(&c);
    if (inner > TSREQUEST_MAX_LEN - header)
        return CE_LIMIT;
    if (inner > cursor_left(&c))
        return CE_NEED_MORE;
    *ret_len = header + inner;
    return 0;
}

/* Fields of later versions, which have higher numbers, are stepped over. */
static void read_one(struct cursor *c, struct tsrequest *r)
{
    size_t len = 0;
    switch (cursor_peek_u8(c) - DER_CONTEXT) {
    case FIELD_NEGO_TOKENS:
        read_nego_tokens(c, &r->nego_token);
        break;
    case FIELD_AUTH_INFO:
        read_octets(c, FIELD_AUTH_INFO, &r->auth_info);
        break;
    case FIELD_PUB_KEY_AUTH:
        read_octets(c, FIELD_PUB_KEY_AUTH, &r->pub_key_auth);
        break;
    case FIELD_ERROR_CODE:
        r->error_code = read_number(c, FIELD_ERROR_CODE);
        r->has_error = true;
        break;
    case FIELD_CLIENT_NONCE:
        read_octets(c, FIELD_CLIENT_NONCE, &r->client_nonce);
        break;
    default:
        if (cursor_u8(c) <= DER_CONTEXT + FIELD_CLIENT_NONCE || !read_length(c, &len))
            c->overrun = true;
        cursor_skip(c, len);
    }
}

/* MS-CSSP 2.2.1 */
int tsrequest_parse(const uint8_t *bytes, size_t len, struct tsrequest *ret_request)
{
    struct cursor outer = cursor_init(bytes, len);
    if (len > TSREQUEST_MAX_LEN)
        return CE_LIMIT;
    struct cursor c = read_value(&outer, DER_SEQUENCE);
    struct tsrequest r = {0};
    r.version = read_number(&c, FIELD_VERSION);
    while (cursor_ok(&c) && cursor_left(&c) > 0)
        read_one(&c, &r);
    if (!cursor_ok(&outer) || cursor_left(&outer) != 0 || !cursor_ok(&c))
        return CE_BAD_INPUT;
    if (r.client_nonce.bytes && r.client_nonce.len != TSREQUEST_NONCE_LEN)
        return CE_BAD_INPUT;
    *ret_request = r;
    return 0;
}

/* MS-CSSP 2.2.1.2 */
int tscredentials_parse(const uint8_t *bytes, size_t len, struct tscredentials *ret_credentials)
{
    struct cursor outer = cursor_init(bytes, len);
    struct cursor c = read_value(&outer, DER_SEQUENCE);
    uint32_t type = read_number(&c, 0);
    struct cursor inner = read_field(&c, 1, DER_OCTET_STRING);
    if (!cursor_ok(&outer) || cursor_left(&outer) != 0 || !cursor_ok(&c) || cursor_left(&c) != 0)
        return CE_BAD_INPUT;
    if (type != CREDENTIALS_PASSWORD)
        return CE_UNSUPPORTED;
    struct tscredentials r = {0};
    struct cursor fields = read_value(&inner, DER_SEQUENCE);
    read_octets(&fields, 0, &r.domain);
    read_octets(&fields, 1, &r.user);
    read_octets(&fields, 2, &r.password);
    if (!cursor_ok(&inner) || cursor_left(&inner) != 0 || !cursor_ok(&fields) || cursor_left(&fields) != 0)
        return CE_BAD_INPUT;
    *ret_credentials = r;
    return 0;
}

/* ---- writing: lengths come first, so sizes are counted before ---- */

static size_t length_size(size_t len)
{
    return len < 0x80 ? 1 : len < 0x100 ? 2 : len < 0x10000 ? 3 : 4;
}

static size_t value_size(size_t len)
{
    return 1 + length_size(len) + len;
}

static void write_head(struct writer *w, uint8_t tag, size_t len)
{
    writer_u8(w, tag);
    size_t size = length_size(len);
    if (size > 1)
        writer_u8(w, (uint8_t)(0x80 | (size - 1)));
    for (size_t i = size > 1 ? size - 1 : 1; i-- > 0;)
        writer_u8(w, (uint8_t)(len >> (8 * i)));
}

/* Sizes of [FIELD] with its value; a missing one takes nothing. */
static size_t octets_size(const struct tsrequest_span *span)
{
    return span->bytes ? value_size(value_size(span->len)) : 0;
}

static size_t nego_size(const struct tsrequest_span *span)
{
    return span->bytes ? value_size(value_size(value_size(octets_size(span)))) : 0;
}

static void write_octets(struct writer *w, uint8_t field, const struct tsrequest_span *span)
{
    if (!span->bytes)
        return;
    write_head(w, (uint8_t)(DER_CONTEXT + field), value_size(span->len));
    write_head(w, DER_OCTET_STRING, span->len);
    writer_bytes(w, span->bytes, span->len);
}

static void write_small(struct writer *w, uint8_t field, uint8_t number)
{
    write_head(w, (uint8_t)(DER_CONTEXT + field), value_size(1));
    write_head(w, DER_INTEGER, 1);
    writer_u8(w, number);
}

/* As Windows does: the 32 bits of the NTSTATUS, whose first is a sign. */
static void write_status(struct writer *w, uint32_t status)
{
    write_head(w, DER_CONTEXT + FIELD_ERROR_CODE, value_size(4));
    write_head(w, DER_INTEGER, 4);
    writer_u32_be(w, status);
}

void tsrequest_write(struct writer *w, const struct tsrequest *request)
{
    const struct tsrequest_span *token = &request->nego_token;
    size_t len = value_size(value_size(1)) + nego_size(token) + octets_size(&request->auth_info) +
                 octets_size(&request->pub_key_auth) + (request->has_error ? value_size(value_size(4)) : 0) +
                 octets_size(&request->client_nonce);
    write_head(w, DER_SEQUENCE, len);
    write_small(w, FIELD_VERSION, (uint8_t)request->version);
    if (token->bytes) {
        write_head(w, DER_CONTEXT + FIELD_NEGO_TOKENS, value_size(value_size(octets_size(token))));
        write_head(w, DER_SEQUENCE, value_size(octets_size(token)));
        write_head(w, DER_SEQUENCE, octets_size(token));
        write_octets(w, 0, token);
    }
    write_octets(w, FIELD_AUTH_INFO, &request->auth_info);
    write_octets(w, FIELD_PUB_KEY_AUTH, &request->pub_key_auth);
    if (request->has_error)
        write_status(w, request->error_code);
    write_octets(w, FIELD_CLIENT_NONCE, &request->client_nonce);
}

void tscredentials_write(struct writer *w, const struct tscredentials *credentials)
{
    size_t fields = octets_size(&credentials->domain) + octets_size(&credentials->user) +
                    octets_size(&credentials->password);
    size_t inner = value_size(fields);
    write_head(w, DER_SEQUENCE, value_size(value_size(1)) + value_size(value_size(inner)));
    write_small(w, 0, CREDENTIALS_PASSWORD);
    write_head(w, DER_CONTEXT + 1, value_size(inner));
    write_head(w, DER_OCTET_STRING, inner);
    write_head(w, DER_SEQUENCE, fields);
    write_octets(w, 0, &credentials->domain);
    write_octets(w, 1, &credentials->user);
    write_octets(w, 2, &credentials->password);
}
