#include "reconnect_cookie.h"

#include <stdio.h>

#include "cursor.h"
#include "mcs.h"
#include "rdp_pdu.h"

enum {
    INFO_TYPE_EXTENDED = 3, /* INFOTYPE_LOGON_EXTENDED_INFO */
    FIELD_COOKIE = 0x1,     /* LOGON_EX_AUTORECONNECTCOOKIE; it comes first of the fields */
    COOKIE_LEN = 28,
    COOKIE_VERSION = 1,
    PADDING_LEN = 570,
    INFO_HEADER_LEN = 2 + 4,
    FIELD_HEADER_LEN = 4,
};

void reconnect_cookie_write(struct writer *w, uint16_t io_channel, uint32_t share_id, uint32_t logon_id,
                            const uint8_t random[RECONNECT_RANDOM_LEN])
{
    const uint16_t info_len = INFO_HEADER_LEN + FIELD_HEADER_LEN + COOKIE_LEN;
    size_t start = mcs_data_begin(w, MCS_SEND_DATA_INDICATION, RDP_SERVER_USER_ID, io_channel);
    rdp_write_share_data(w, share_id, RDP_DATA_SAVE_SESSION_INFO, 4u + info_len + PADDING_LEN);
    writer_u32_le(w, INFO_TYPE_EXTENDED);
    writer_u16_le(w, info_len);
    writer_u32_le(w, FIELD_COOKIE);
    writer_u32_le(w, COOKIE_LEN);
    writer_u32_le(w, COOKIE_LEN);
    writer_u32_le(w, COOKIE_VERSION);
    writer_u32_le(w, logon_id);
    writer_bytes(w, random, RECONNECT_RANDOM_LEN);
    writer_zero(w, PADDING_LEN);
    mcs_data_end(w, start);
}

bool reconnect_cookie_strip(uint8_t *info, size_t len)
{
    struct cursor c = cursor_init(info, len);
    uint16_t info_len = cursor_u16_le(&c);
    uint32_t fields = cursor_u32_le(&c);
    if (!cursor_ok(&c) || !(fields & FIELD_COOKIE))
        return false;
    size_t left = cursor_left(&c);
    uint32_t field_len = cursor_u32_le(&c);
    /* A field that ends nowhere is no cookie that a client could keep; the rest goes with it. */
    size_t gone = !cursor_ok(&c) || field_len > cursor_left(&c) ? left : FIELD_HEADER_LEN + field_len;
    uint8_t *at = info + INFO_HEADER_LEN;
    memmove(at, at + gone, left - gone);
    memset(at + left - gone, 0, gone);
    put_u16_le(info, (uint16_t)(info_len >= INFO_HEADER_LEN + gone ? info_len - gone : INFO_HEADER_LEN));
    put_u32_le(info + 2, gone == left ? 0 : fields & ~(uint32_t)FIELD_COOKIE);
    return true;
}

void reconnect_verifier_print(const uint8_t verifier[RECONNECT_VERIFIER_LEN],
                              char ret_text[2 * RECONNECT_VERIFIER_LEN + 1])
{
    for (size_t i = 0; i < RECONNECT_VERIFIER_LEN; i++)
        snprintf(ret_text + 2 * i, 3, "%02x", verifier[i]);
}
