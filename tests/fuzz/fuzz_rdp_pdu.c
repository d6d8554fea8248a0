#include "fuzz.h"

#include <string.h>

#include "rdp_pdu.h"

/* The first byte chooses the direction and how many channels there are, the rest is a PDU. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    enum rdp_direction direction = data[0] & 1 ? RDP_TO_GUEST : RDP_TO_CLIENT;
    size_t channels = (size_t)(data[0] >> 1) % (GCC_CHANNELS_MAX + 1);
    uint16_t client[GCC_CHANNELS_MAX], guest[GCC_CHANNELS_MAX];
    for (size_t i = 0; i < GCC_CHANNELS_MAX; i++) {
        client[i] = (uint16_t)(1004 + i);
        guest[i] = (uint16_t)(i < 4 ? 1004 + i : 1020 + i);
    }
    struct id_map m, same;
    id_map_init(&m, 1061, 1009, 1003, 1003, 1060, 1008, client, guest, channels);
    id_map_init(&same, 1061, 1061, 1003, 1003, 1060, 1060, client, client, channels);

    size_t len = size - 1;
    uint8_t *pdu = malloc(len ? len : 1);
    MUST(pdu);
    memcpy(pdu, data + 1, len);
    struct rdp_seen_pdu seen, seen_same;
    int rc = rdp_map_slow_path(&m, pdu, len, direction, &seen);
    if (rc == 0) {
        MUST(seen.seen != 0);
        touch(seen.payload, seen.payload_len);
        if (direction == RDP_TO_CLIENT && seen.seen != RDP_SEEN_DISCONNECT) {
            /* Mapped once, all ids are the client's: nothing is left for a map that changes nothing. */
            uint8_t *copy = malloc(len);
            MUST(copy);
            memcpy(copy, pdu, len);
            MUST(rdp_map_slow_path(&same, pdu, len, direction, &seen_same) == 0);
            MUST(memcmp(copy, pdu, len) == 0 && seen_same.seen == seen.seen);
            free(copy);
        }
    } else {
        MUST(memcmp(pdu, data + 1, len) == 0);
    }
    free(pdu);
    return 0;
}
