/* --policy KEY=VALUE, which may be given several times, and the policy as show and list print it. */
#ifndef CARREL_CTL_POLICY_OPTION_H
#define CARREL_CTL_POLICY_OPTION_H

#include "ctl.h"

#define POLICY_OPTION                                                                                        \
    {                                                                                                        \
        .name = "policy", .value = "KEY=VALUE", .words = WORDS_POLICY,                                       \
        .help = "what a session may do, see carrel-policy(7); repeatable"                                    \
    }

/* The member "policy" of BODY from all --policy options; none: BODY stays as it is. Values are checked here,
 * where they were typed. */
int policy_option_read(struct ctl *ctl, json_t *body) MUST_CHECK;

/* The set keys of OBJECT's policy, or NOTHING. */
void policy_option_print(const json_t *object, const char *nothing, char *text, size_t size);

#endif
