#include "policy_option.h"

#include <string.h>

#include <carrel/policy.h>

#include "args.h"

static int take(struct ctl *ctl, const char *typed, json_t *policy)
{
    struct policy checked = {0};
    struct error err;
    char key[40];
    const char *value = strchr(typed, '=');
    if (!value || (size_t)(value - typed) >= sizeof key)
        return ctl_fail(ctl, CTL_USAGE, "--policy is KEY=VALUE, not '%s'; see carrel-policy(7)", typed);
    snprintf(key, sizeof key, "%.*s", (int)(value - typed), typed);
    if (policy_set(&checked, key, value + 1, &err))
        return ctl_fail(ctl, CTL_USAGE, "%s", err.text);
    return json_object_set_new(policy, key, json_string(value + 1))
               ? ctl_fail(ctl, CTL_USAGE, "the policy is no UTF-8 text")
               : CTL_OK;
}

int policy_option_read(struct ctl *ctl, json_t *body)
{
    CLEANUP_JSON json_t *policy = json_object();
    int rc = CTL_OK;
    for (unsigned i = 0; i < ctl->args->given_count && !rc; i++) {
        if (!strcmp(ctl->args->given[i].name, "policy"))
            rc = take(ctl, ctl->args->given[i].value, policy);
    }
    if (!rc && json_object_size(policy))
        json_object_set(body, "policy", policy);
    return rc;
}

void policy_option_print(const json_t *object, const char *nothing, char *text, size_t size)
{
    const json_t *policy = json_object_get(object, "policy");
    size_t used = 0;
    snprintf(text, size, "%s", nothing);
    for (int key = 0; key < POLICY_KEY_COUNT; key++) {
        const char *name = policy_key_name((enum policy_key)key);
        const char *value = json_string_value(json_object_get(policy, name));
        if (value && used < size)
            used += (size_t)snprintf(text + used, size - used, strchr(value, ' ') ? "%s%s='%s'" : "%s%s=%s",
                                     used ? " " : "", name, value);
    }
}
