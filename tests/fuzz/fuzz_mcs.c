#include "fuzz.h"

#include "mcs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mcs_pdu p;
    if (mcs_parse(data, size, &p) != 0)
        return 0;
    if (p.choice != MCS_SEND_DATA_REQUEST && p.choice != MCS_SEND_DATA_INDICATION) {
        MUST(p.data == NULL && p.data_len == 0);
        return 0;
    }
    MUST(p.user_id >= MCS_USER_BASE);
    touch(p.data, p.data_len);
    uint8_t *buf = malloc(size + 1);
    MUST(buf);
    struct writer w = writer_init(buf, size + 1); /* the longer form of the length takes one byte more */
    size_t start = mcs_data_begin(&w, p.choice, p.user_id, p.channel_id);
    writer_bytes(&w, p.data, p.data_len);
    mcs_data_end(&w, start);
    struct mcs_pdu again;
    if (size < 0xffff) {
        MUST(writer_ok(&w) && mcs_parse(buf, writer_len(&w), &again) == 0);
        MUST(again.user_id == p.user_id && again.channel_id == p.channel_id && again.data_len == p.data_len);
    }
    free(buf);
    return 0;
}
