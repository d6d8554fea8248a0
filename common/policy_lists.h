/* The lists of a policy and their text forms: names of channels, hours, networks. For policy.c alone. The
 * readers replace the list only where the whole text is good.
 */
#ifndef CARREL_POLICY_LISTS_H
#define CARREL_POLICY_LISTS_H

#include <carrel/policy.h>

int policy_channels_parse(const char *text, struct policy *policy) MUST_CHECK;
int policy_hours_parse(const char *text, struct policy *policy) MUST_CHECK;
int policy_networks_parse(const char *text, struct policy *policy) MUST_CHECK;

void policy_channels_print(const struct policy *policy, char *ret, size_t size);
void policy_hours_print(const struct policy *policy, char *ret, size_t size);
void policy_networks_print(const struct policy *policy, char *ret, size_t size);

#endif
