#include "fuzz.h"

#include <string.h>

#include "mcs_ber.h"

/* A value may be said in more bytes than the writers take, never in fewer than half. */
enum { ROOM = 2 * MCS_CONNECT_MAX_LEN };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t buf[ROOM];
    struct writer w = writer_init(buf, sizeof buf);
    struct mcs_connect_initial ci, ci_again;
    struct mcs_connect_response r, r_again;

    if (mcs_parse_connect_initial(data, size, &ci) == 0) {
        touch(ci.user_data, ci.user_data_len);
        mcs_write_connect_initial(&w, &ci);
        MUST(writer_ok(&w));
        if (writer_len(&w) <= MCS_CONNECT_MAX_LEN) {
            MUST(mcs_parse_connect_initial(buf, writer_len(&w), &ci_again) == 0);
            MUST(memcmp(&ci.target, &ci_again.target, sizeof ci.target) == 0);
            MUST(memcmp(&ci.minimum, &ci_again.minimum, sizeof ci.minimum) == 0);
            MUST(memcmp(&ci.maximum, &ci_again.maximum, sizeof ci.maximum) == 0);
            MUST(ci.user_data_len == ci_again.user_data_len);
        }
    }
    w = writer_init(buf, sizeof buf);
    if (mcs_parse_connect_response(data, size, &r) == 0) {
        touch(r.user_data, r.user_data_len);
        mcs_write_connect_response(&w, &r);
        MUST(writer_ok(&w));
        if (writer_len(&w) <= MCS_CONNECT_MAX_LEN) {
            MUST(mcs_parse_connect_response(buf, writer_len(&w), &r_again) == 0);
            MUST(memcmp(&r.parameters, &r_again.parameters, sizeof r.parameters) == 0);
            MUST(r.result == r_again.result && r.user_data_len == r_again.user_data_len);
        }
    }
    return 0;
}
