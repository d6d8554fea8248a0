#include "banner_click.h"

#include "cursor.h"
#include "fastpath.h"
#include "writer.h"

enum {
    POINTER_MOVE = 0x0800, /* pointerFlags, 2.2.8.1.1.3.1.1.3 */
    POINTER_DOWN = 0x8000,
    POINTER_BUTTONS = 0x7000,
    POINTER_EVENT_LEN = 6, /* pointerFlags, xPos, yPos */
    SHARE_DATA_LEN = 18,
    SLOW_EVENTS_MAX = 256, /* of one PDU that are looked at; nobody sends as many */
    SLOW_MOUSE = 0x8001,   /* messageType, 2.2.8.1.1.3.1.1 */
    SLOW_EVENT_LEN = 12,
    SLOW_FLAGS_AT = 6,
};

static bool is_inside(const struct banner_click *click, uint16_t x, uint16_t y)
{
    return x >= click->left && x - click->left < click->width && y >= click->top &&
           y - click->top < click->height;
}

/* AT are the flags of a mouse event. */
static void event_take(struct banner_click *click, uint8_t *at, uint16_t flags, uint16_t x, uint16_t y)
{
    const uint16_t buttons = flags & POINTER_BUTTONS;
    if (!buttons)
        return;
    if ((flags & POINTER_DOWN) && is_inside(click, x, y)) {
        click->clicked = true;
        click->held |= buttons;
    } else if ((flags & POINTER_DOWN) || !(buttons & click->held)) {
        return;
    } else {
        click->held &= (uint16_t)~buttons;
    }
    put_u16_le(at, POINTER_MOVE);
}

void banner_click_fast_path(struct banner_click *click, uint8_t *pdu, size_t len)
{
    struct fastpath_input in;
    struct fastpath_event e;
    if (fastpath_parse_input(pdu, len, &in) || in.flags & FASTPATH_ENCRYPTED)
        return;
    while (fastpath_next_event(&in, &e) == 0)
        if (e.code == FASTPATH_INPUT_MOUSE)
            event_take(click, pdu + (in.events.at - pdu) - POINTER_EVENT_LEN, e.pointer_flags, e.x, e.y);
}

void banner_click_slow_path(struct banner_click *click, uint8_t *payload, size_t len)
{
    struct cursor c = cursor_init(payload, len);
    cursor_skip(&c, SHARE_DATA_LEN);
    uint16_t count = cursor_u16_le(&c);
    cursor_skip(&c, 2);
    for (uint16_t i = 0; i < count && i < SLOW_EVENTS_MAX; i++) {
        struct cursor e = cursor_sub(&c, SLOW_EVENT_LEN);
        const uint8_t *start = e.at;
        cursor_skip(&e, 4); /* eventTime */
        uint16_t type = cursor_u16_le(&e), flags = cursor_u16_le(&e);
        uint16_t x = cursor_u16_le(&e), y = cursor_u16_le(&e);
        if (!cursor_ok(&e))
            return;
        if (type == SLOW_MOUSE)
            event_take(click, payload + (start - payload) + SLOW_FLAGS_AT, flags, x, y);
    }
}
