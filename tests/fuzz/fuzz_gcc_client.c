#include "fuzz.h"

#include <string.h>

#include "gcc_client.h"

/* The first four bytes choose the policy, the rest are the blocks. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cursor blocks = cursor_init(data, size);
    uint32_t policy = cursor_u32_le(&blocks);
    struct gcc_client c, sent;
    int rc = gcc_client_parse(blocks, &c);
    const struct gcc_guest_rules rules = {.selected_protocol = policy >> 28,
                                          .denied_channels = policy,
                                          .clear_channel_compression = (policy & 1U << 31) != 0};
    uint8_t *buf = malloc(size + 1);
    MUST(buf);
    struct writer w = writer_init(buf, size + 1);
    int rewritten = gcc_rewrite_for_guest(blocks, &rules, &w);
    MUST((rc == 0) == (rewritten == 0)); /* it never grows, so the room is enough */
    if (rc == 0) {
        MUST(c.channel_count <= GCC_CHANNELS_MAX && c.monitor_count <= GCC_MONITORS_MAX);
        MUST(strlen(c.client_name) < GCC_CLIENT_NAME_MAX);
        MUST(gcc_client_parse(cursor_init(buf, writer_len(&w)), &sent) == 0);
        MUST(sent.channel_count == c.channel_count && !sent.has_multitransport);
        MUST(!(sent.cluster_flags & 2) && sent.redirected_session_id == 0);
        MUST(!sent.has_selected_protocol || sent.selected_protocol == rules.selected_protocol);
        for (uint32_t i = 0; i < c.channel_count; i++)
            MUST(!(policy & 1U << i) || strncmp(sent.channels[i].name, "xdeny", 5) == 0);
    }
    free(buf);
    return 0;
}
