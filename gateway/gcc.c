#include "gcc.h"

#include <string.h>

/* The key of ConnectData (the object identifier of T.124) and what stands before connectPDU's length: the
 * same in every RDP connection. Named after the bytes that they are in the ALIGNED PER of T.124 section 8.7.
 */
static const uint8_t connect_data_key[] = {0x00, 0x05, 0x00, 0x14, 0x7c, 0x00, 0x01};
/* ConferenceCreateRequest with userData, name "1", unlocked, automatic; one h221 key "Duca". */
static const uint8_t create_request[] = {0x00, 0x08, 0x00, 0x10, 0x00, 0x01, 0xc0, 0x00, 'D', 'u', 'c', 'a'};
/* ConferenceCreateResponse: node 31219, tag 1, success; one h221 key "McDn". */
static const uint8_t create_response[] = {0x14, 0x76, 0x0a, 0x01, 0x01, 0x00, 0x01,
                                          0xc0, 0x00, 'M',  'c',  'D',  'n'};

enum {
    /* Windows states this length of connectPDU whatever the real one is, in one byte. rdesktop skips a fixed
     * number of bytes up to the blocks, which is right only with the one-byte form. */
    RESPONSE_CONNECT_PDU_LEN = 0x2a,
};

/* PER length determinant. Fragmented lengths (0xc0..) do not occur: no PDU here is that long. */
static size_t read_length(struct cursor *c)
{
    size_t len = cursor_u8(c);
    if (len & 0x80)
        len = (len & 0x7f) << 8 | cursor_u8(c);
    return len;
}

static void write_length(struct writer *w, size_t len)
{
    if (len > 0x3fff)
        w->overrun = true;
    writer_u16_be(w, (uint16_t)(0x8000 | len));
}

static bool take_equal(struct cursor *c, const uint8_t *bytes, size_t len)
{
    const uint8_t *p = cursor_take(c, len);
    return p && memcmp(p, bytes, len) == 0;
}

int gcc_parse_request(const uint8_t *user_data, size_t len, struct cursor *ret_blocks)
{
    struct cursor c = cursor_init(user_data, len);
    if (!take_equal(&c, connect_data_key, sizeof connect_data_key))
        return CE_BAD_INPUT;
    (void)read_length(
        &c); /* of connectPDU: clients disagree with themselves here, the inner length decides */
    /* The conference's name may be another than "1": its two bytes (length, digits) are not compared. */
    static const size_t name_at = 3, key_at = 5;
    const uint8_t *p = cursor_take(&c, sizeof create_request);
    if (!p || memcmp(p, create_request, name_at) != 0 ||
        memcmp(p + key_at, create_request + key_at, sizeof create_request - key_at) != 0)
        return CE_BAD_INPUT;
    struct cursor blocks = cursor_sub(&c, read_length(&c));
    if (!cursor_ok(&c))
        return CE_BAD_INPUT;
    *ret_blocks = blocks;
    return 0;
}

int gcc_parse_response(const uint8_t *user_data, size_t len, struct cursor *ret_blocks)
{
    struct cursor c = cursor_init(user_data, len);
    if (!take_equal(&c, connect_data_key, sizeof connect_data_key))
        return CE_BAD_INPUT;
    (void)read_length(&c);
    cursor_skip(&c, 1 + 2);         /* the choice, nodeID */
    cursor_skip(&c, cursor_u8(&c)); /* tag: an INTEGER with its length */
    cursor_skip(&c, 1);             /* result: the one in Connect-Response decides */
    static const size_t key_at = 6;
    if (!take_equal(&c, create_response + key_at, sizeof create_response - key_at))
        return CE_BAD_INPUT;
    struct cursor blocks = cursor_sub(&c, read_length(&c));
    if (!cursor_ok(&c))
        return CE_BAD_INPUT;
    *ret_blocks = blocks;
    return 0;
}

void gcc_write_request(struct writer *w, const uint8_t *blocks, size_t len)
{
    writer_bytes(w, connect_data_key, sizeof connect_data_key);
    write_length(w, sizeof create_request + 2 + len);
    writer_bytes(w, create_request, sizeof create_request);
    write_length(w, len);
    writer_bytes(w, blocks, len);
}

void gcc_write_response(struct writer *w, const uint8_t *blocks, size_t len)
{
    writer_bytes(w, connect_data_key, sizeof connect_data_key);
    writer_u8(w, RESPONSE_CONNECT_PDU_LEN);
    writer_bytes(w, create_response, sizeof create_response);
    write_length(w, len);
    writer_bytes(w, blocks, len);
}

int gcc_next_block(struct cursor *blocks, struct gcc_block *ret_block)
{
    if (!cursor_ok(blocks))
        return CE_BAD_INPUT;
    if (cursor_left(blocks) == 0)
        return CE_NOT_FOUND;
    const uint8_t *start = blocks->at;
    size_t left = cursor_left(blocks);
    struct cursor header = *blocks;
    uint16_t type = cursor_u16_le(&header);
    uint16_t len = cursor_u16_le(&header);
    if (!cursor_ok(&header) || len < GCC_BLOCK_HEADER_LEN || len > left)
        return CE_BAD_INPUT;
    cursor_skip(blocks, len);
    *ret_block = (struct gcc_block){.type = type, .bytes = start, .len = len};
    return 0;
}
