#include "share_caps.h"

#include <carrel/error.h>

#include "cursor.h"
#include "rdp_pdu.h"
#include "writer.h"

enum {
    CAPS_GENERAL = 0x0001,
    CAPS_BITMAP = 0x0002,
    CAPS_VIRTUAL_CHANNEL = 0x0014,
    CAPS_HEADER_LEN = 4,
    VCCAPS_COMPRESSION = 0x3,          /* VCCAPS_COMPR_SC, VCCAPS_COMPR_CS_8K */
    FASTPATH_OUTPUT_SUPPORTED = 0x1,   /* extraFlags, 2.2.7.1.1 */
    NO_BITMAP_COMPRESSION_HDR = 0x400, /* the same */
};

struct active {
    uint16_t type;     /* enum rdp_pdu_type */
    uint16_t count;    /* of sets */
    struct cursor all; /* they */
};

/* The next Demand Active or Confirm Active of ALL, which is a sequence of PDUs. Lengths are those of the PDU: each
 * is fenced. */
static bool next_active(struct cursor *all, struct active *ret)
{
    while (cursor_left(all)) {
        struct cursor peek = *all;
        uint16_t total = cursor_u16_le(&peek);
        if (!cursor_ok(&peek) || !total || total > cursor_left(all))
            return false;
        struct cursor c = cursor_sub(all, total);
        cursor_skip(&c, 2);
        ret->type = cursor_u16_le(&c) & 0xf;
        cursor_skip(&c, 2 + 4); /* pduSource, shareId */
        if (ret->type == RDP_PDU_CONFIRM_ACTIVE)
            cursor_skip(&c, 2); /* originatorId */
        else if (ret->type != RDP_PDU_DEMAND_ACTIVE)
            continue;
        uint16_t source_len = cursor_u16_le(&c);
        cursor_skip(&c, 2 + (size_t)source_len); /* lengthCombinedCapabilities, sourceDescriptor */
        ret->count = cursor_u16_le(&c);
        cursor_skip(&c, 2);
        if (!cursor_ok(&c))
            continue;
        ret->all = c;
        return true;
    }
    return false;
}

/* The body of the next set. False: there is none, or it is no set. */
static bool next_set(struct active *a, uint16_t *ret_type, struct cursor *ret_body)
{
    if (!a->count)
        return false;
    a->count--;
    *ret_type = cursor_u16_le(&a->all);
    uint16_t len = cursor_u16_le(&a->all);
    if (!cursor_ok(&a->all) || len < CAPS_HEADER_LEN)
        return false;
    *ret_body = cursor_sub(&a->all, len - (size_t)CAPS_HEADER_LEN);
    return true;
}

void share_caps_forbid_compression(uint8_t *payload, size_t len)
{
    struct cursor all = cursor_init(payload, len), body;
    struct active a;
    uint16_t type;
    while (next_active(&all, &a)) {
        while (next_set(&a, &type, &body)) {
            const uint8_t *at = body.at;
            uint32_t flags = cursor_u32_le(&body);
            if (type == CAPS_VIRTUAL_CHANNEL && cursor_ok(&body))
                put_u32_le(payload + (at - payload), flags & ~(uint32_t)VCCAPS_COMPRESSION);
        }
    }
}

/* 2.2.7.1.1 */
static void general_read(struct cursor c, bool is_server, struct share_facts *facts)
{
    cursor_skip(&c, 2 + 2 + 2 + 2 + 2); /* osMajorType ... generalCompressionTypes */
    uint16_t extra = cursor_u16_le(&c);
    cursor_skip(&c, 2 + 2 + 2); /* updateCapabilityFlag, remoteUnshareFlag, generalCompressionLevel */
    uint8_t refresh = cursor_u8(&c), suppress = cursor_u8(&c);
    if (is_server) {
        facts->refresh = cursor_ok(&c) && refresh;
        facts->suppress = cursor_ok(&c) && suppress;
    } else {
        facts->fast_path_output = (extra & FASTPATH_OUTPUT_SUPPORTED) != 0;
        facts->no_bitmap_header = (extra & NO_BITMAP_COMPRESSION_HDR) != 0;
    }
}

/* 2.2.7.1.2. The server decides of size and depth. */
static void bitmap_read(struct cursor c, bool is_server, struct share_facts *facts)
{
    uint16_t depth = cursor_u16_le(&c);
    cursor_skip(&c, 2 + 2 + 2); /* receive1BitPerPixel ... receive8BitsPerPixel */
    uint16_t width = cursor_u16_le(&c), height = cursor_u16_le(&c);
    if (!is_server || !cursor_ok(&c))
        return;
    facts->depth = depth;
    facts->width = width;
    facts->height = height;
}

void share_caps_read(const uint8_t *payload, size_t len, struct share_facts *facts)
{
    struct cursor all = cursor_init(payload, len), body;
    struct active a;
    uint16_t type;
    while (next_active(&all, &a)) {
        bool is_server = a.type == RDP_PDU_DEMAND_ACTIVE;
        while (next_set(&a, &type, &body)) {
            if (type == CAPS_GENERAL)
                general_read(body, is_server, facts);
            else if (type == CAPS_BITMAP)
                bitmap_read(body, is_server, facts);
        }
    }
}
