#include "logoff_policy.h"

#include <string.h>

struct logoff_plan logoff_policy_plan(const struct pool_row *pool, const struct desktop_row *desktop,
                                      int64_t now_ms)
{
    const struct pool_limits *limits = &pool->limits;
    bool dedicated = desktop->kind == POOL_DEDICATED;
    if (!desktop->left_ms || *desktop->session_id || desktop->wanted)
        return (struct logoff_plan){.act = LOGOFF_STAYS};
    if (!dedicated && !*desktop->owner_id)
        return (struct logoff_plan){.act = LOGOFF_GOES, .reason = "the user that it was kept for is gone"};
    if (!dedicated && strcmp(desktop->image_id, pool->image_id) != 0)
        return (struct logoff_plan){.act = LOGOFF_GOES, .reason = "the pool has another image now"};
    if (limits->logoff == LOGOFF_KEEP)
        return (struct logoff_plan){.act = LOGOFF_STAYS};
    int64_t at_ms = desktop->left_ms + limits->logoff_after_ms;
    if (now_ms < at_ms)
        return (struct logoff_plan){.act = LOGOFF_WAITS, .at_ms = at_ms};
    return (struct logoff_plan){.act = dedicated && limits->logoff == LOGOFF_RECYCLE ? LOGOFF_RENEWS
                                                                                     : LOGOFF_GOES,
                                .reason = "its user has logged off"};
}
