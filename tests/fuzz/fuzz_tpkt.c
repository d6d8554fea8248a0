#include "fuzz.h"

#include "tpkt.h"

/* The input is a stream: it is framed to its end, and each frame again at every one of its beginnings. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t at = 0, len;
    struct pdu_frame f, beginning;
    while (pdu_frame(data + at, size - at, &f) == 0) {
        MUST(f.len >= 2 && f.len <= size - at && f.len <= PDU_MAX_LEN);
        for (size_t n = 0; n < f.len && n < 8; n++) {
            MUST(pdu_frame(data + at, n, &beginning) == CE_NEED_MORE);
            MUST(beginning.len == 0 || beginning.len == f.len);
        }
        if (f.kind == PDU_SLOW_PATH) {
            MUST(tpkt_frame(data + at, size - at, TPKT_MAX_LEN, &len) == 0 && len == f.len);
            MUST(tpkt_frame(data + at, size - at, f.len - 1, &len) == CE_BAD_INPUT);
        }
        at += f.len;
    }
    return 0;
}
