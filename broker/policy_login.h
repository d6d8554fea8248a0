/* Whether a policy lets a log-in in: allowed hours and source networks. Reads time zone files: on the store's
 * thread, not on the loop's.
 */
#ifndef CARREL_BROKER_POLICY_LOGIN_H
#define CARREL_BROKER_POLICY_LOGIN_H

#include <carrel/fail.h>
#include <carrel/policy.h>

/* FAIL_NONE, or why a client at ADDRESS is refused at NOW_MS, with a sentence in RET_DETAIL. */
enum fail policy_login_refusal(const struct policy *policy, const char *address, int64_t now_ms,
                               struct error *ret_detail);

/* CE_BAD_INPUT with words where a window names a time zone that this machine does not know. */
int policy_zones_check(const struct policy *policy, struct error *err) MUST_CHECK;

#endif
