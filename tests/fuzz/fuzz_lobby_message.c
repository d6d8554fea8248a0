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
        MUST(act.did <= LOBBY_DID_LEAVE && strlen(act.user) < sizeof act.user);
        if (lobby_act_write(&act, out, &len) == 0) {
            MUST(lobby_act_read(out, len, &again) == 0);
            MUST(again.did == act.did && !strcmp(again.user, act.user) &&
                 again.password.len == act.password.len);
        }
    }
    secret_wipe(&act.password);
    secret_wipe(&again.password);
}

static void show_round_trip(const char *bytes, size_t size)
{
    char out[LOBBY_MESSAGE_MAX_BYTES];
    struct lobby_show show = {0}, again = {0};
    size_t len;
    if (lobby_show_read(bytes, size, &show) == 0 && lobby_show_write(&show, out, &len) == 0) {
        MUST(lobby_show_read(out, len, &again) == 0);
        MUST(again.page == show.page && !strcmp(again.text, show.text) && again.percent == show.percent);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    act_round_trip((const char *)data, size);
    show_round_trip((const char *)data, size);
    return 0;
}
