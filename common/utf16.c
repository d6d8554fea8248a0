#include "utf16.h"

/* One code point from UTF-8 (RFC 3629). Returns the bytes taken, 0 where there is none. */
static size_t utf8_decode(const uint8_t *p, size_t left, uint32_t *ret_code)
{
    static const struct {
        uint8_t mask, lead;
        uint32_t min; /* below it the form is overlong */
    } forms[] = {{0x80, 0x00, 1}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};

    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if ((p[0] & forms[i].mask) != forms[i].lead)
            continue;
        if (i + 1 > left)
            return 0;
        uint32_t code = p[0] & (uint8_t)~forms[i].mask;
        for (size_t k = 1; k <= i; k++) {
            if ((p[k] & 0xc0) != 0x80)
                return 0;
            code = code << 6 | (p[k] & 0x3f);
        }
        if (code < forms[i].min || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
            return 0;
        *ret_code = code;
        return i + 1;
    }
    return 0;
}

static size_t utf8_encode(uint32_t code, uint8_t out[4])
{
    if (code < 0x80) {
        out[0] = (uint8_t)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (uint8_t)(0xc0 | code >> 6);
        out[1] = (uint8_t)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (uint8_t)(0xe0 | code >> 12);
        out[1] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
        out[2] = (uint8_t)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (uint8_t)(0xf0 | code >> 18);
    out[1] = (uint8_t)(0x80 | (code >> 12 & 0x3f));
    out[2] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
    out[3] = (uint8_t)(0x80 | (code & 0x3f));
    return 4;
}

static void put_unit(uint8_t *p, uint32_t unit)
{
    p[0] = (uint8_t)unit;
    p[1] = (uint8_t)(unit >> 8);
}

int utf16_from_utf8(const char *text, size_t text_len, uint8_t *out, size_t capacity_bytes,
                    size_t *ret_len_bytes)
{
    const uint8_t *p = (const uint8_t *)text;
    size_t written = 0;

    while (text_len > 0) {
        uint32_t code;
        size_t taken = utf8_decode(p, text_len, &code);
        if (taken == 0)
            return CE_BAD_INPUT;
        p += taken;
        text_len -= taken;
        size_t need = code < 0x10000 ? 2 : 4;
        if (need > capacity_bytes - written)
            return CE_LIMIT;
        if (need == 2) {
            put_unit(out + written, code);
        } else {
            put_unit(out + written, 0xd800 + ((code - 0x10000) >> 10));
            put_unit(out + written + 2, 0xdc00 + ((code - 0x10000) & 0x3ff));
        }
        written += need;
    }
    *ret_len_bytes = written;
    return 0;
}

int utf16_to_utf8(const uint8_t *bytes, size_t len_bytes, char *out, size_t capacity, size_t *ret_len)
{
    size_t written = 0;

    if (len_bytes % 2)
        return CE_BAD_INPUT;
    if (capacity == 0)
        return CE_LIMIT;
    for (size_t i = 0; i < len_bytes; i += 2) {
        uint32_t code = (uint32_t)bytes[i] | (uint32_t)bytes[i + 1] << 8;
        if (code == 0 || (code >= 0xdc00 && code <= 0xdfff))
            return CE_BAD_INPUT;
        if (code >= 0xd800 && code <= 0xdbff) {
            if (len_bytes - i < 4)
                return CE_BAD_INPUT;
            uint32_t low = (uint32_t)bytes[i + 2] | (uint32_t)bytes[i + 3] << 8;
            if (low < 0xdc00 || low > 0xdfff)
                return CE_BAD_INPUT;
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
            i += 2;
        }
        uint8_t utf8[4];
        size_t need = utf8_encode(code, utf8);
        if (need >= capacity - written) /* one byte stays free for the NUL */
            return CE_LIMIT;
        for (size_t k = 0; k < need; k++)
            out[written + k] = (char)utf8[k];
        written += need;
    }
    out[written] = 0;
    *ret_len = written;
    return 0;
}
