#include "fuzz.h"

#include <string.h>

#include "lobby_message.h"

/* What was read can be written, and reads the same. */
static void act_round_trip(const char *bytes, size_t size)
{
    char out[LOBBY_MESSAGE_MAX_BYTES];
    struct lobby_act act = {0}, again = {0};
    size_t len;
    if (lobby_act_read(bytes, size, &act) == 0) {
        MUST(act.did <= LOBBY_DID_LEAVE && strlen(act.user) < sizeof act.user && act.page < LOBBY_PAGE_COUNT);
        if (lobby_act_write(&act, out, &len) == 0) {
            MUST(lobby_act_read(out, len, &again) == 0);
            MUST(again.did == act.did && again.page == act.page && !strcmp(again.user, act.user) &&
                 again.secret.len == act.secret.len);
        }
    }
    secret_wipe(&act.secret);
    secret_wipe(&again.secret);
}

static void show_round_trip(const char *bytes, size_t size)
{
    char out[LOBBY_MESSAGE_MAX_BYTES], out_again[LOBBY_MESSAGE_MAX_BYTES];
    static struct lobby_show show, again;
    size_t len, len_again;
    if (lobby_show_read(bytes, size, &show) == 0 && lobby_show_write(&show, out, &len) == 0) {
        MUST(lobby_show_read(out, len, &again) == 0);
        MUST(again.page == show.page && !strcmp(again.text, show.text) && again.percent == show.percent);
        MUST(again.pool_count == show.pool_count && show.pool_count <= LOBBY_POOLS_MAX);
        MUST(lobby_show_write(&again, out_again, &len_again) == 0);
        MUST(len_again == len && !memcmp(out_again, out, len));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    act_round_trip((const char *)data, size);
    show_round_trip((const char *)data, size);
    return 0;
}
