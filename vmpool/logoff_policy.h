/* What becomes of a desktop whose user has logged off. Pure; any thread. The policy:
 *
 *   1. One that a session is on or waits for, or that nobody logged off from, stays as it is.
 *   2. keep: it stays as it is, for its user. A floating one goes when its pool has another image, or its user is gone.
 *   3. recycle: after the pool's time a floating one is recycled; a dedicated one gets a new disk and stays its user's.
 *   4. delete: after the pool's time a dedicated one is recycled, so that its user gets another.
 */
#ifndef VMPOOL_LOGOFF_POLICY_H
#define VMPOOL_LOGOFF_POLICY_H

#include <carrel/rows.h>

enum logoff_act {
    LOGOFF_STAYS,
    LOGOFF_WAITS, /* until AT_MS; its user may come back */
    LOGOFF_GOES,  /* it is recycled */
    LOGOFF_RENEWS /* it gets a new disk */
};

struct logoff_plan {
    enum logoff_act act;
    int64_t at_ms;
    const char *reason; /* of what goes and what is renewed */
};

struct logoff_plan logoff_policy_plan(const struct pool_row *pool, const struct desktop_row *desktop,
                                      int64_t now_ms);

#endif
