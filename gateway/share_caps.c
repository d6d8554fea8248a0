#include "share_caps.h"

#include "cursor.h"
#include "rdp_pdu.h"
#include "writer.h"

enum {
    CAPS_VIRTUAL_CHANNEL = 0x0014,
    CAPS_HEADER_LEN = 4,
    VCCAPS_COMPRESSION = 0x3, /* VCCAPS_COMPR_SC, VCCAPS_COMPR_CS_8K */
};

/* Lengths are those of the PDU: C is fenced. PAYLOAD is where its bytes may be written. */
static void sets_change(uint8_t *payload, struct cursor c)
{
    uint16_t count = cursor_u16_le(&c);
    cursor_skip(&c, 2);
    for (uint16_t i = 0; i < count && cursor_ok(&c); i++) {
        const uint8_t *set = c.at;
        uint16_t type = cursor_u16_le(&c);
        uint16_t len = cursor_u16_le(&c);
        if (!cursor_ok(&c) || len < CAPS_HEADER_LEN)
            return;
        struct cursor body = cursor_sub(&c, len - (size_t)CAPS_HEADER_LEN);
        uint32_t flags = cursor_u32_le(&body);
        if (type == CAPS_VIRTUAL_CHANNEL && cursor_ok(&body))
            put_u32_le(payload + (set - payload) + CAPS_HEADER_LEN, flags & ~(uint32_t)VCCAPS_COMPRESSION);
    }
}

void share_caps_forbid_compression(uint8_t *payload, size_t len)
{
    struct cursor all = cursor_init(payload, len);
    while (cursor_left(&all)) {
        struct cursor peek = all;
        uint16_t total = cursor_u16_le(&peek);
        if (!cursor_ok(&peek) || !total || total > cursor_left(&all))
            return;
        struct cursor c = cursor_sub(&all, total);
        cursor_skip(&c, 2);
        uint16_t type = cursor_u16_le(&c) & 0xf;
        cursor_skip(&c, 2 + 4); /* pduSource, shareId */
        if (type == RDP_PDU_CONFIRM_ACTIVE)
            cursor_skip(&c, 2); /* originatorId */
        else if (type != RDP_PDU_DEMAND_ACTIVE)
            continue;
        uint16_t source_len = cursor_u16_le(&c);
        cursor_skip(&c, 2 + (size_t)source_len); /* lengthCombinedCapabilities, sourceDescriptor */
        if (cursor_ok(&c))
            sets_change(payload, c);
    }
}
