#include "fuzz.h"

#include <string.h>

#include "client_info.h"
#include "mcs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct client_info before, after;
    static uint8_t buf[CLIENT_INFO_REWRITTEN_MAX_LEN];
    static const struct client_info_guest guest = {.user = "reader",
                                                   .password = "lantern \xe2\x82\xac",
                                                   .domain = "LIBRARY",
                                                   .autologon = true,
                                                   .user_id = 1007,
                                                   .io_channel = 1003};
    int rc = client_info_parse(data, size, &before);
    struct writer w = writer_init(buf, sizeof buf);
    int rewritten = client_info_rewrite(data, size, &guest, &w);
    MUST(rewritten == 0 || rewritten == CE_BAD_INPUT); /* the room always suffices */
    MUST(rc != 0 || rewritten == 0);
    if (rc != 0)
        return 0;
    struct mcs_pdu p;
    MUST(mcs_parse(buf, writer_len(&w), &p) == 0);
    MUST(client_info_parse(p.data, p.data_len, &after) == 0);
    MUST(strcmp(after.user, guest.user) == 0 && strcmp(after.password, guest.password) == 0);
    MUST(strcmp(after.domain, guest.domain) == 0);
    MUST(strcmp(after.alternate_shell, before.alternate_shell) == 0);
    MUST(strcmp(after.working_dir, before.working_dir) == 0);
    MUST(strcmp(after.client_dir, before.client_dir) == 0 && strcmp(after.address, before.address) == 0);
    MUST(after.performance_flags == before.performance_flags && !after.has_reconnect_cookie);
    MUST((after.flags & (INFO_AUTOLOGON | INFO_UNICODE)) == (INFO_AUTOLOGON | INFO_UNICODE));
    return 0;
}
