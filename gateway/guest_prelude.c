#include "guest_prelude.h"

#include <string.h>

#include "mcs.h"

enum {
    LICENCE_REQUEST = 1, /* bMsgType, MS-RDPBCGR 2.2.1.12.1.1 */
    LICENCE_NEW_REQUEST = 0x13,
    LICENCE_VERSION_3_EXTENDED = 0x83,
    LICENCE_STUB_LEN = 16,
    /* requestType, 2.2.14.1; connect-time ones */
    AUTODETECT_RTT_CONNECT = 0x1001,
    AUTODETECT_RTT_CONTINUOUS = 0x0001,
    PRELUDE_PDU_MAX_LEN = 8192,
};

/* A request for a new licence without anything in it. A guest that only keeps to the order of things goes on
 * (xrdp); one that insists on licences refuses, and would have refused the client's own. */
static void write_licence_stub(const struct id_map *map, struct writer *w)
{
    size_t start = mcs_data_begin(w, MCS_SEND_DATA_REQUEST, map->guest_user, map->guest_io);
    writer_u16_le(w, RDP_SEC_LICENSE_PKT);
    writer_u16_le(w, 0);
    writer_u8(w, LICENCE_NEW_REQUEST);
    writer_u8(w, LICENCE_VERSION_3_EXTENDED);
    writer_u16_le(w, LICENCE_STUB_LEN);
    for (size_t i = 4; i < LICENCE_STUB_LEN; i++)
        writer_u8(w, 0);
    mcs_data_end(w, start);
}

int guest_prelude_hear(const struct id_map *map, const uint8_t *pdu, size_t len, struct writer *w,
                       enum guest_prelude *ret, uint32_t *ret_error_info)
{
    uint8_t copy[PRELUDE_PDU_MAX_LEN];
    struct rdp_seen_pdu seen;
    if (len > sizeof copy)
        return CE_BAD_INPUT;
    /* The relay maps the Demand Active when it carries it; here it is only looked at. */
    memcpy(copy, pdu, len);
    *ret = PRELUDE_GOES_ON;
    int rc = rdp_map_slow_path(map, copy, len, RDP_TO_CLIENT, &seen);
    if (rc == CE_NOT_FOUND)
        return 0;
    if (rc)
        return rc;
    if (seen.seen & RDP_SEEN_SET_ERROR_INFO)
        *ret_error_info = seen.error_info;
    if (seen.seen & RDP_SEEN_DEMAND_ACTIVE)
        *ret = PRELUDE_ACTIVE;
    else if (seen.seen & RDP_SEEN_DISCONNECT)
        *ret = PRELUDE_OVER;
    else if ((seen.seen & RDP_SEEN_LICENCE) && seen.licence_type == LICENCE_REQUEST)
        write_licence_stub(map, w);
    else if ((seen.seen & RDP_SEEN_AUTODETECT) && (seen.autodetect_type == AUTODETECT_RTT_CONNECT ||
                                                   seen.autodetect_type == AUTODETECT_RTT_CONTINUOUS))
        rdp_write_autodetect_rtt_response(w, map->guest_user, map->guest_message, seen.autodetect_sequence);
    return 0;
}
