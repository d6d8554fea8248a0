#include "fuzz.h"

#include <string.h>

#include "gcc_server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gcc_server s, again;
    if (gcc_server_parse(cursor_init(data, size), &s) != 0)
        return 0;
    uint8_t buf[256];
    struct writer w = writer_init(buf, sizeof buf);
    gcc_server_write(&w, &s);
    MUST(writer_ok(&w));
    MUST(gcc_server_parse(cursor_init(buf, writer_len(&w)), &again) == 0);
    MUST(again.version == s.version && again.requested_protocols == s.requested_protocols);
    MUST(again.early_flags == s.early_flags && again.encryption_method == s.encryption_method);
    MUST(again.encryption_level == s.encryption_level && again.io_channel == s.io_channel);
    MUST(again.channel_count == s.channel_count && again.message_channel == s.message_channel);
    MUST(memcmp(again.channels, s.channels, sizeof s.channels) == 0);
    return 0;
}
