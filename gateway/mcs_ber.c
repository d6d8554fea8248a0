#include "mcs_ber.h"

#include "cursor.h"
#include "x224.h"

enum {
    BER_BOOLEAN = 0x01,
    BER_INTEGER = 0x02,
    BER_OCTET_STRING = 0x04,
    BER_ENUMERATED = 0x0a,
    BER_SEQUENCE = 0x30,
    BER_CONNECT_INITIAL = 0x7f65,  /* [APPLICATION 101], two bytes */
    BER_CONNECT_RESPONSE = 0x7f66, /* [APPLICATION 102] */
};

const struct mcs_domain_parameters mcs_response_parameters = {
    .max_channel_ids = 34,
    .max_user_ids = 3,
    .max_token_ids = 0,
    .num_priorities = 1,
    .min_throughput = 0,
    .max_height = 1,
    .max_mcs_pdu_size = 65528,
    .protocol_version = 2,
};

/* X.690 8.1.3, definite form only: T.125 forbids nothing else, but no peer sends the indefinite form. */
static size_t read_length(struct cursor *c)
{
    uint8_t first = cursor_u8(c);
    if (!(first & 0x80))
        return first;
    uint8_t count = first & 0x7f;
    if (count == 0 || count > 4) {
        c->overrun = true;
        return 0;
    }
    size_t len = 0;
    while (count--)
        len = len << 8 | cursor_u8(c);
    return len;
}

/* The contents of the next value, which must have this tag: else the result and C are overrun. */
static struct cursor read_value(struct cursor *c, uint8_t tag)
{
    if (cursor_u8(c) != tag)
        c->overrun = true;
    return cursor_sub(c, read_length(c));
}

/* An unsigned INTEGER or ENUMERATED of at most 32 bits; the leading zero that keeps it positive is allowed.
 */
static uint32_t read_number(struct cursor *c, uint8_t tag)
{
    struct cursor v = read_value(c, tag);
    size_t n = cursor_left(&v);
    if (n == 0 || n > 5 || (n == 5 && cursor_peek_u8(&v) != 0))
        c->overrun = true;
    uint32_t number = 0;
    while (cursor_left(&v) > 0)
        number = number << 8 | cursor_u8(&v);
    return number;
}

/* DomainParameters ::= SEQUENCE of eight INTEGERs */
static void read_parameters(struct cursor *c, struct mcs_domain_parameters *p)
{
    struct cursor v = read_value(c, BER_SEQUENCE);
    p->max_channel_ids = read_number(&v, BER_INTEGER);
    p->max_user_ids = read_number(&v, BER_INTEGER);
    p->max_token_ids = read_number(&v, BER_INTEGER);
    p->num_priorities = read_number(&v, BER_INTEGER);
    p->min_throughput = read_number(&v, BER_INTEGER);
    p->max_height = read_number(&v, BER_INTEGER);
    p->max_mcs_pdu_size = read_number(&v, BER_INTEGER);
    p->protocol_version = read_number(&v, BER_INTEGER);
    if (!cursor_ok(&v))
        c->overrun = true;
}

/* The contents of the connect PDU with this two-byte tag. Bytes behind it are refused. */
static int read_connect(const uint8_t *pdu, size_t len, uint16_t tag, struct cursor *ret_value)
{
    struct cursor c;
    if (len > MCS_CONNECT_MAX_LEN || x224_parse_data(pdu, len, &c) != 0)
        return CE_BAD_INPUT;
    if (cursor_u16_be(&c) != tag)
        return CE_BAD_INPUT;
    struct cursor value = cursor_sub(&c, read_length(&c));
    if (!cursor_ok(&c) || cursor_left(&c) != 0)
        return CE_BAD_INPUT;
    *ret_value = value;
    return 0;
}

/* Connect-Initial, T.125 section 7 */
int mcs_parse_connect_initial(const uint8_t *pdu, size_t len, struct mcs_connect_initial *ret_initial)
{
    struct cursor c;
    if (read_connect(pdu, len, BER_CONNECT_INITIAL, &c) != 0)
        return CE_BAD_INPUT;
    struct mcs_connect_initial r = {0};
    (void)read_value(
        &c, BER_OCTET_STRING); /* calling and called domain selector, one byte each and without use */
    (void)read_value(&c, BER_OCTET_STRING);
    (void)read_value(&c, BER_BOOLEAN); /* upward flag */
    read_parameters(&c, &r.target);
    read_parameters(&c, &r.minimum);
    read_parameters(&c, &r.maximum);
    struct cursor user_data = read_value(&c, BER_OCTET_STRING);
    if (!cursor_ok(&c) || !cursor_ok(&user_data))
        return CE_BAD_INPUT;
    r.user_data = user_data.at;
    r.user_data_len = cursor_left(&user_data);
    *ret_initial = r;
    return 0;
}

/* Connect-Response, T.125 section 7 */
int mcs_parse_connect_response(const uint8_t *pdu, size_t len, struct mcs_connect_response *ret_response)
{
    struct cursor c;
    if (read_connect(pdu, len, BER_CONNECT_RESPONSE, &c) != 0)
        return CE_BAD_INPUT;
    struct mcs_connect_response r = {0};
    uint32_t result = read_number(&c, BER_ENUMERATED);
    (void)read_number(&c, BER_INTEGER); /* calledConnectId */
    read_parameters(&c, &r.parameters);
    struct cursor user_data = read_value(&c, BER_OCTET_STRING);
    if (!cursor_ok(&c) || !cursor_ok(&user_data) || result > UINT8_MAX)
        return CE_BAD_INPUT;
    r.result = (uint8_t)result;
    r.user_data = user_data.at;
    r.user_data_len = cursor_left(&user_data);
    *ret_response = r;
    return 0;
}

/* Starts a value whose length is always said in the long form of two bytes: 82 hh ll. */
static size_t value_begin(struct writer *w)
{
    writer_u8(w, 0x82);
    writer_u16_be(w, 0);
    return writer_len(w);
}

static void value_end(struct writer *w, size_t start)
{
    size_t len = writer_len(w) - start;
    if (len > UINT16_MAX)
        w->overrun = true;
    if (writer_ok(w))
        put_u16_be(w->start + start - 2, (uint16_t)len);
}

static void write_number(struct writer *w, uint8_t tag, uint32_t number)
{
    /* A first byte with its high bit set would be negative, hence the extra zero. */
    int bytes = number < 0x80          ? 1
                : number < 0x8000      ? 2
                : number < 0x800000    ? 3
                : number < 0x80000000U ? 4
                                       : 5;
    writer_u8(w, tag);
    writer_u8(w, (uint8_t)bytes);
    for (int i = bytes - 1; i >= 0; i--)
        writer_u8(w, (uint8_t)((uint64_t)number >> (8 * i)));
}

static void write_parameters(struct writer *w, const struct mcs_domain_parameters *p)
{
    writer_u8(w, BER_SEQUENCE);
    writer_u8(w, 0);
    size_t start = writer_len(w);
    write_number(w, BER_INTEGER, p->max_channel_ids);
    write_number(w, BER_INTEGER, p->max_user_ids);
    write_number(w, BER_INTEGER, p->max_token_ids);
    write_number(w, BER_INTEGER, p->num_priorities);
    write_number(w, BER_INTEGER, p->min_throughput);
    write_number(w, BER_INTEGER, p->max_height);
    write_number(w, BER_INTEGER, p->max_mcs_pdu_size);
    write_number(w, BER_INTEGER, p->protocol_version);
    if (writer_ok(w)) /* at most 8 * 7 bytes: the short form holds it */
        w->start[start - 1] = (uint8_t)(writer_len(w) - start);
}

static void write_octets(struct writer *w, const uint8_t *bytes, size_t len)
{
    writer_u8(w, BER_OCTET_STRING);
    size_t start = value_begin(w);
    writer_bytes(w, bytes, len);
    value_end(w, start);
}

void mcs_write_connect_initial(struct writer *w, const struct mcs_connect_initial *initial)
{
    static const uint8_t selectors[] = {BER_OCTET_STRING, 1, 1, BER_OCTET_STRING, 1, 1, BER_BOOLEAN, 1, 0xff};

    size_t packet = x224_data_begin(w);
    writer_u16_be(w, BER_CONNECT_INITIAL);
    size_t start = value_begin(w);
    writer_bytes(w, selectors, sizeof selectors);
    write_parameters(w, &initial->target);
    write_parameters(w, &initial->minimum);
    write_parameters(w, &initial->maximum);
    write_octets(w, initial->user_data, initial->user_data_len);
    value_end(w, start);
    x224_data_end(w, packet);
}

void mcs_write_connect_response(struct writer *w, const struct mcs_connect_response *response)
{
    size_t packet = x224_data_begin(w);
    writer_u16_be(w, BER_CONNECT_RESPONSE);
    size_t start = value_begin(w);
    write_number(w, BER_ENUMERATED, response->result);
    write_number(w, BER_INTEGER, 0);
    write_parameters(w, &response->parameters);
    write_octets(w, response->user_data, response->user_data_len);
    value_end(w, start);
    x224_data_end(w, packet);
}
