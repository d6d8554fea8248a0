#include "fuzz.h"

#include "fastpath.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fastpath_input in;
    struct fastpath_event e;
    struct cursor updates;
    struct fastpath_update u;
    if (fastpath_parse_input(data, size, &in) == 0) {
        unsigned count = 0, expected = in.event_count;
        int rc;
        while ((rc = fastpath_next_event(&in, &e)) == 0)
            count++;
        MUST(rc == CE_BAD_INPUT || count == expected);
    }
    if (fastpath_parse_output(data, size, &updates) == 0) {
        while (fastpath_next_update(&updates, &u) == 0)
            touch(u.data, u.data_len);
    }
    return 0;
}
