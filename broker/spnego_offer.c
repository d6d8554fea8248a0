#include "spnego_offer.h"

#include <string.h>

#include "cursor.h"

enum {
    TAG_FRAME = 0x60,     /* [APPLICATION 0] */
    TAG_CONTEXT_0 = 0xa0, /* NegTokenInit; and its mechTypes */
    TAG_SEQUENCE = 0x30,
    TAG_OID = 0x06,
};

static const uint8_t spnego[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x02}; /* 1.3.6.1.5.5.2 */

/* Kerberos, as RFC 4121 has it, as Windows 2000 misspelled it and mstsc still offers it, and from user to user. */
static const struct {
    uint8_t len, bytes[10];
} kerberos[] = {
    {9, {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02}},
    {9, {0x2a, 0x86, 0x48, 0x82, 0xf7, 0x12, 0x01, 0x02, 0x02}},
    {10, {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02, 0x03}},
};

/* Whatever is read from it afterwards is not there. */
static void cursor_fail(struct cursor *c)
{
    cursor_skip(c, cursor_left(c) + 1);
}

/* DER's length of at most two bytes behind the first; the value's cursor, or one that has overrun. */
static struct cursor value_take(struct cursor *c, uint8_t tag)
{
    size_t len = 0;
    if (cursor_u8(c) != tag)
        cursor_fail(c);
    uint8_t first = cursor_u8(c);
    if (first < 0x80)
        len = first;
    else if (first == 0x81)
        len = cursor_u8(c);
    else if (first == 0x82)
        len = cursor_u16_be(c);
    else
        cursor_fail(c);
    return cursor_sub(c, len);
}

static bool oid_is(struct cursor oid, const uint8_t *bytes, size_t len)
{
    const uint8_t *at = cursor_left(&oid) == len ? cursor_take(&oid, len) : NULL;
    return at && memcmp(at, bytes, len) == 0;
}

static bool is_kerberos(struct cursor oid)
{
    for (size_t i = 0; i < sizeof kerberos / sizeof kerberos[0]; i++) {
        if (oid_is(oid, kerberos[i].bytes, kerberos[i].len))
            return true;
    }
    return false;
}

bool spnego_offers_kerberos(const uint8_t *token, size_t len)
{
    if (!len)
        return false;
    struct cursor c = cursor_init(token, len);
    struct cursor frame = value_take(&c, TAG_FRAME);
    struct cursor oid = value_take(&frame, TAG_OID);
    if (!cursor_ok(&c) || !cursor_ok(&frame))
        return false;
    if (!oid_is(oid, spnego, sizeof spnego))
        return is_kerberos(oid);
    struct cursor init = value_take(&frame, TAG_CONTEXT_0);
    struct cursor sequence = value_take(&init, TAG_SEQUENCE);
    struct cursor types = value_take(&sequence, TAG_CONTEXT_0);
    struct cursor list = value_take(&types, TAG_SEQUENCE);
    struct cursor first = value_take(&list, TAG_OID);
    return cursor_ok(&frame) && cursor_ok(&init) && cursor_ok(&sequence) && cursor_ok(&types) &&
           cursor_ok(&list) && is_kerberos(first);
}
