#include "fastpath.h"

#include "tpkt.h"

/* Steps over the header and the length of one or two bytes; the two flags stand in its upper bits. */
static int read_header(const uint8_t *pdu, size_t len, struct cursor *ret_body, uint8_t *ret_header)
{
    struct pdu_frame frame;
    if (pdu_frame(pdu, len, &frame) != 0 || frame.kind != PDU_FAST_PATH || frame.len != len)
        return CE_BAD_INPUT;
    struct cursor c = cursor_init(pdu, len);
    uint8_t header = cursor_u8(&c);
    if (cursor_u8(&c) & 0x80)
        cursor_skip(&c, 1);
    if (!cursor_ok(&c) || header >> 6 != 0)
        return CE_BAD_INPUT;
    *ret_body = c;
    *ret_header = header;
    return 0;
}

/* MS-RDPBCGR 2.2.8.1.2 */
int fastpath_parse_input(const uint8_t *pdu, size_t len, struct fastpath_input *ret_input)
{
    struct cursor c;
    uint8_t header;
    if (read_header(pdu, len, &c, &header) != 0)
        return CE_BAD_INPUT;
    /* Four bits hold up to 15 events; a zero there says that a whole byte follows. */
    uint8_t count = header >> 2 & 0xf;
    if (count == 0)
        count = cursor_u8(&c);
    if (!cursor_ok(&c))
        return CE_BAD_INPUT;
    *ret_input = (struct fastpath_input){.flags = header >> 6, .event_count = count, .events = c};
    return 0;
}

/* MS-RDPBCGR 2.2.8.1.2.2 */
int fastpath_next_event(struct fastpath_input *input, struct fastpath_event *ret_event)
{
    if (input->event_count == 0)
        return CE_NOT_FOUND;
    struct cursor *c = &input->events;
    uint8_t header = cursor_u8(c);
    struct fastpath_event e = {.code = (enum fastpath_event_code)(header >> 5), .flags = header & 0x1f};
    switch (e.code) {
    case FASTPATH_INPUT_SCANCODE:
        e.key_code = cursor_u8(c);
        break;
    case FASTPATH_INPUT_MOUSE:
    case FASTPATH_INPUT_MOUSEX:
    case FASTPATH_INPUT_RELMOUSE:
        e.pointer_flags = cursor_u16_le(c);
        e.x = cursor_u16_le(c);
        e.y = cursor_u16_le(c);
        break;
    case FASTPATH_INPUT_SYNC:
        break;
    case FASTPATH_INPUT_UNICODE:
        e.key_code = cursor_u16_le(c);
        break;
    case FASTPATH_INPUT_QOE_TIMESTAMP:
        e.timestamp = cursor_u32_le(c);
        break;
    default:
        return CE_BAD_INPUT;
    }
    if (!cursor_ok(c))
        return CE_BAD_INPUT;
    input->event_count--;
    *ret_event = e;
    return 0;
}

/* MS-RDPBCGR 2.2.9.1.2 */
int fastpath_parse_output(const uint8_t *pdu, size_t len, struct cursor *ret_updates)
{
    uint8_t header;
    return read_header(pdu, len, ret_updates, &header);
}

/* MS-RDPBCGR 2.2.9.1.2.1 */
int fastpath_next_update(struct cursor *updates, struct fastpath_update *ret_update)
{
    if (!cursor_ok(updates))
        return CE_BAD_INPUT;
    if (cursor_left(updates) == 0)
        return CE_NOT_FOUND;
    uint8_t header = cursor_u8(updates);
    struct fastpath_update u = {.code = header & 0xf, .fragmentation = header >> 4 & 3};
    if (header >> 6 == 2) /* FASTPATH_OUTPUT_COMPRESSION_USED */
        u.compression_flags = cursor_u8(updates);
    u.data_len = cursor_u16_le(updates);
    u.data = cursor_take(updates, u.data_len);
    if (!cursor_ok(updates))
        return CE_BAD_INPUT;
    *ret_update = u;
    return 0;
}

bool fastpath_output_is_torn(const uint8_t *pdu, size_t len)
{
    struct cursor updates;
    struct fastpath_update u = {.fragmentation = FASTPATH_FRAGMENT_SINGLE};
    if (fastpath_parse_output(pdu, len, &updates))
        return false;
    while (fastpath_next_update(&updates, &u) == 0)
        ;
    return u.fragmentation == FASTPATH_FRAGMENT_FIRST || u.fragmentation == FASTPATH_FRAGMENT_NEXT;
}
