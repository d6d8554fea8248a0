#include "serial_text.h"

#include "cursor.h"

/* ECMA-48: ESC [ parameters, intermediates and a final byte; ESC ] (and P, X, ^, _) a string up to BEL or ESC \; else
 * ESC, intermediates and one byte. C is behind the ESC. */
static void skip_escape(struct cursor *c)
{
    if (!cursor_left(c))
        return;
    uint8_t kind = cursor_u8(c);
    if (kind == '[') {
        while (cursor_left(c) && (cursor_u8(c) & 0xc0) != 0x40)
            continue;
    } else if (kind == ']' || kind == 'P' || kind == 'X' || kind == '^' || kind == '_') {
        for (uint8_t byte = 0; cursor_left(c) && byte != 7 && byte != '\n';) {
            byte = cursor_u8(c);
            if (byte == 0x1b) {
                cursor_skip(c, cursor_left(c) ? 1 : 0);
                break;
            }
        }
    } else {
        while (kind >= 0x20 && kind < 0x30 && cursor_left(c))
            kind = cursor_u8(c);
    }
}

/* The length of the UTF-8 sequence that FIRST begins, 0: none does. Overlong forms and surrogates are refused by the
 * bounds of the second byte. */
static size_t sequence_length(uint8_t first, uint8_t *low, uint8_t *high)
{
    *low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    *high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (first >= 0xc2 && first < 0xe0)
        return 2;
    if (first >= 0xe0 && first < 0xf0)
        return 3;
    return first >= 0xf0 && first < 0xf5 ? 4 : 0;
}

size_t serial_text_clean(char *bytes, size_t len)
{
    struct cursor c = cursor_init((const uint8_t *)bytes, len);
    size_t to = 0;
    while (cursor_left(&c)) {
        uint8_t low, high, byte = cursor_u8(&c);
        if (byte == 0x1b) {
            skip_escape(&c);
            continue;
        }
        if (byte < 0x80) {
            if (byte == '\n' || byte == '\t' || (byte >= 0x20 && byte != 0x7f))
                bytes[to++] = (char)byte;
            continue;
        }
        size_t more = sequence_length(byte, &low, &high), got = 1;
        char sequence[4] = {(char)byte};
        struct cursor ahead = c;
        for (; got < more && cursor_left(&ahead); got++) {
            uint8_t next = cursor_u8(&ahead);
            if (next < low || next > high)
                break;
            sequence[got] = (char)next;
            low = 0x80;
            high = 0xbf;
        }
        if (!more || got < more || (byte == 0xc2 && (uint8_t)sequence[1] < 0xa0)) {
            bytes[to++] = '?'; /* no UTF-8, or a control character of C1 */
            continue;
        }
        c = ahead;
        for (size_t i = 0; i < more; i++)
            bytes[to++] = sequence[i];
    }
    return to;
}
