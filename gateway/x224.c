#include "x224.h"

#include <string.h>

#include "tpkt.h"

enum {
    TPDU_REQUEST = 0xe0,
    TPDU_CONFIRM = 0xd0,
    TPDU_DATA = 0xf0,
    TPDU_DATA_EOT = 0x80,

    NEG_REQUEST = 1,
    NEG_RESPONSE = 2,
    NEG_FAILURE = 3,
    NEG_CORRELATION = 6,
    NEG_LEN = 8,
    NEG_CORRELATION_LEN = 36,

    /* A balancer's cookie and a user's cookie exclude one another (2.2.1.1), yet some clients send both. */
    MAX_LINES = 2,
};

static const char cookie_user_prefix[] = "Cookie: mstshash=";
static const char routing_token_prefix[] = "Cookie: msts=";

/* Steps over TPKT header, length indicator and the fixed part (code, references, class) of a connection TPDU.
 */
static int parse_connection_tpdu(const uint8_t *pdu, size_t len, uint8_t code, struct cursor *ret_variable,
                                 uint16_t *ret_source_ref)
{
    size_t framed;
    if (tpkt_frame(pdu, len, X224_REQUEST_MAX_LEN, &framed) != 0 || framed != len)
        return CE_BAD_INPUT;
    struct cursor c = cursor_init(pdu, len);
    cursor_skip(&c, TPKT_HEADER_LEN);
    uint8_t indicator = cursor_u8(&c);
    if (indicator != cursor_left(&c))
        return CE_BAD_INPUT;
    uint8_t got = cursor_u8(&c);
    cursor_skip(&c, 2); /* destination reference */
    uint16_t source_ref = cursor_u16_be(&c);
    uint8_t class_option = cursor_u8(&c);
    /* The low half of the code is credit, which class 0 does not use; class 0 is all that RDP speaks. */
    if (!cursor_ok(&c) || (got & 0xf0) != code || (class_option & 0xf0) != 0)
        return CE_BAD_INPUT;
    *ret_variable = c;
    *ret_source_ref = source_ref;
    return 0;
}

/* The bytes up to CR LF, or NULL where there is no CR LF. */
static const uint8_t *take_line(struct cursor *c, size_t *ret_len)
{
    const uint8_t *lf = memmem(c->at, cursor_left(c), "\r\n", 2);
    if (!lf)
        return NULL;
    size_t len = (size_t)(lf - c->at);
    const uint8_t *line = cursor_take(c, len);
    cursor_skip(c, 2);
    *ret_len = len;
    return line;
}

static void copy_printable(char *out, size_t capacity, const uint8_t *bytes, size_t len)
{
    size_t n = len < capacity ? len : capacity - 1;
    for (size_t i = 0; i < n; i++)
        out[i] = bytes[i] >= 0x20 && bytes[i] < 0x7f ? (char)bytes[i] : '?';
    out[n] = 0;
}

static bool has_prefix(const uint8_t *line, size_t len, const char *prefix, size_t prefix_len)
{
    return len >= prefix_len && memcmp(line, prefix, prefix_len) == 0;
}

static int parse_line(const uint8_t *line, size_t len, struct x224_request *r)
{
    size_t user_len = sizeof cookie_user_prefix - 1;
    size_t token_len = sizeof routing_token_prefix - 1;

    if (has_prefix(line, len, cookie_user_prefix, user_len)) {
        if (r->cookie_user[0])
            return CE_BAD_INPUT;
        copy_printable(r->cookie_user, sizeof r->cookie_user, line + user_len, len - user_len);
        return 0;
    }
    if (r->routing_token[0])
        return CE_BAD_INPUT;
    size_t skip = has_prefix(line, len, routing_token_prefix, token_len) ? token_len : 0;
    copy_printable(r->routing_token, sizeof r->routing_token, line + skip, len - skip);
    return 0;
}

static bool starts_negotiation(const struct cursor *c)
{
    return cursor_left(c) >= NEG_LEN && c->at[0] == NEG_REQUEST && c->at[2] == NEG_LEN && c->at[3] == 0;
}

/* RDP_NEG_REQ (2.2.1.1.1) and RDP_NEG_CORRELATION_INFO (2.2.1.1.2). What follows them is ignored: the
 * specification has grown by appending here. */
static int parse_negotiation(struct cursor *c, struct x224_request *r)
{
    cursor_skip(c, 1);
    r->has_negotiation = true;
    r->flags = cursor_u8(c);
    cursor_skip(c, 2);
    r->protocols = cursor_u32_le(c);
    if (!(r->flags & RDP_NEG_REQ_CORRELATION_INFO))
        return 0;
    uint8_t type = cursor_u8(c);
    cursor_skip(c, 1);
    uint16_t len = cursor_u16_le(c);
    const uint8_t *id = cursor_take(c, sizeof r->correlation_id);
    cursor_skip(c, 16);
    if (!cursor_ok(c) || type != NEG_CORRELATION || len != NEG_CORRELATION_LEN)
        return CE_BAD_INPUT;
    r->has_correlation_id = true;
    memcpy(r->correlation_id, id, sizeof r->correlation_id);
    return 0;
}

/* MS-RDPBCGR 2.2.1.1 */
int x224_parse_request(const uint8_t *pdu, size_t len, struct x224_request *ret_request)
{
    struct x224_request r = {0};
    struct cursor c;
    if (parse_connection_tpdu(pdu, len, TPDU_REQUEST, &c, &r.source_ref) != 0)
        return CE_BAD_INPUT;
    for (int i = 0; i < MAX_LINES && cursor_left(&c) > 0 && !starts_negotiation(&c); i++) {
        size_t line_len;
        const uint8_t *line = take_line(&c, &line_len);
        if (!line || parse_line(line, line_len, &r) != 0)
            return CE_BAD_INPUT;
    }
    if (cursor_left(&c) > 0) {
        if (!starts_negotiation(&c) || parse_negotiation(&c, &r) != 0)
            return CE_BAD_INPUT;
    }
    *ret_request = r;
    return 0;
}

static size_t connection_begin(struct writer *w, uint8_t code)
{
    size_t start = tpkt_begin(w);
    writer_u8(w, 0); /* length indicator */
    writer_u8(w, code);
    writer_zero(w, 5); /* both references and class 0 */
    return start;
}

static void connection_end(struct writer *w, size_t start)
{
    size_t indicator = writer_len(w) - start - TPKT_HEADER_LEN - 1;
    if (indicator > 254)
        w->overrun = true;
    tpkt_end(w, start);
    if (writer_ok(w))
        w->start[start + TPKT_HEADER_LEN] = (uint8_t)indicator;
}

static void write_negotiation(struct writer *w, uint8_t type, uint8_t flags, uint32_t value)
{
    writer_u8(w, type);
    writer_u8(w, flags);
    writer_u16_le(w, NEG_LEN);
    writer_u32_le(w, value);
}

void x224_write_request(struct writer *w, const char *cookie_user, const char *routing_token, uint8_t flags,
                        uint32_t protocols)
{
    size_t start = connection_begin(w, TPDU_REQUEST);
    if (routing_token) {
        writer_bytes(w, routing_token_prefix, sizeof routing_token_prefix - 1);
        writer_bytes(w, routing_token, strlen(routing_token));
        writer_bytes(w, "\r\n", 2);
    } else if (cookie_user) {
        writer_bytes(w, cookie_user_prefix, sizeof cookie_user_prefix - 1);
        writer_bytes(w, cookie_user, strlen(cookie_user));
        writer_bytes(w, "\r\n", 2);
    }
    if (protocols)
        write_negotiation(w, NEG_REQUEST, flags, protocols);
    connection_end(w, start);
}

/* MS-RDPBCGR 2.2.1.2 */
int x224_parse_confirm(const uint8_t *pdu, size_t len, struct x224_confirm *ret_confirm)
{
    struct x224_confirm r = {0};
    struct cursor c;
    uint16_t source_ref;
    if (parse_connection_tpdu(pdu, len, TPDU_CONFIRM, &c, &source_ref) != 0)
        return CE_BAD_INPUT;
    if (cursor_left(&c) > 0) {
        uint8_t type = cursor_u8(&c);
        uint8_t flags = cursor_u8(&c);
        uint16_t neg_len = cursor_u16_le(&c);
        uint32_t value = cursor_u32_le(&c);
        if (!cursor_ok(&c) || neg_len != NEG_LEN || (type != NEG_RESPONSE && type != NEG_FAILURE))
            return CE_BAD_INPUT;
        r.has_negotiation = true;
        r.failed = type == NEG_FAILURE;
        if (r.failed) {
            r.failure_code = value;
        } else {
            r.flags = flags;
            r.protocol = value;
        }
    }
    *ret_confirm = r;
    return 0;
}

void x224_write_confirm(struct writer *w, uint8_t flags, uint32_t protocol)
{
    size_t start = connection_begin(w, TPDU_CONFIRM);
    write_negotiation(w, NEG_RESPONSE, flags, protocol);
    connection_end(w, start);
}

void x224_write_failure(struct writer *w, enum rdp_neg_failure code)
{
    size_t start = connection_begin(w, TPDU_CONFIRM);
    write_negotiation(w, NEG_FAILURE, 0, (uint32_t)code);
    connection_end(w, start);
}

int x224_parse_data(const uint8_t *pdu, size_t len, struct cursor *ret_payload)
{
    size_t framed;
    if (tpkt_frame(pdu, len, TPKT_MAX_LEN, &framed) != 0 || framed != len)
        return CE_BAD_INPUT;
    struct cursor c = cursor_init(pdu, len);
    cursor_skip(&c, TPKT_HEADER_LEN);
    uint8_t indicator = cursor_u8(&c);
    uint8_t code = cursor_u8(&c);
    uint8_t eot = cursor_u8(&c);
    if (!cursor_ok(&c) || indicator != 2 || code != TPDU_DATA || eot != TPDU_DATA_EOT)
        return CE_BAD_INPUT;
    *ret_payload = c;
    return 0;
}

size_t x224_data_begin(struct writer *w)
{
    size_t start = tpkt_begin(w);
    writer_u8(w, 2);
    writer_u8(w, TPDU_DATA);
    writer_u8(w, TPDU_DATA_EOT);
    return start;
}

void x224_data_end(struct writer *w, size_t start)
{
    tpkt_end(w, start);
}
