#include "ntlm_name.h"

#include <string.h>

#include "cursor.h"
#include "utf16.h"

enum {
    FIELDS_BEFORE_DOMAIN = 2 * 8, /* LmChallengeResponseFields, NtChallengeResponseFields */
    FIELDS_BEFORE_FLAGS = 2 * 8,  /* WorkstationFields, EncryptedRandomSessionKeyFields */
    NEGOTIATE_UNICODE = 0x1,
};

/* Signature and MessageType of an AUTHENTICATE_MESSAGE */
static const uint8_t beginning[] = {'N', 'T', 'L', 'M', 'S', 'S', 'P', 0, 3, 0, 0, 0};

struct field {
    uint16_t len;
    uint32_t offset; /* from the signature */
};

static struct field read_field(struct cursor *c)
{
    struct field f = {.len = cursor_u16_le(c)};
    cursor_skip(c, 2); /* MaxLen: must be ignored */
    f.offset = cursor_u32_le(c);
    return f;
}

static int text_of(struct cursor whole, const struct field *f, char ret[NTLM_NAME_SIZE])
{
    size_t len;
    cursor_skip(&whole, f->offset);
    const uint8_t *bytes = cursor_take(&whole, f->len);
    if (!cursor_ok(&whole) || utf16_to_utf8(bytes, f->len, ret, NTLM_NAME_SIZE, &len))
        return CE_BAD_INPUT;
    return 0;
}

int ntlm_name_parse(const uint8_t *token, size_t len, struct ntlm_name *ret_name)
{
    const uint8_t *start = len ? memmem(token, len, beginning, sizeof beginning) : NULL;
    if (!start)
        return CE_NOT_FOUND;
    struct cursor whole = cursor_init(start, len - (size_t)(start - token)), c = whole;
    cursor_skip(&c, sizeof beginning + FIELDS_BEFORE_DOMAIN);
    struct field domain = read_field(&c), user = read_field(&c);
    cursor_skip(&c, FIELDS_BEFORE_FLAGS);
    uint32_t flags = cursor_u32_le(&c);
    if (!cursor_ok(&c))
        return CE_BAD_INPUT;
    if (!(flags & NEGOTIATE_UNICODE))
        return CE_UNSUPPORTED;
    struct ntlm_name name = {0};
    if (text_of(whole, &domain, name.domain) || text_of(whole, &user, name.user))
        return CE_BAD_INPUT;
    *ret_name = name;
    return 0;
}
