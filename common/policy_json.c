#include "policy_json.h"

json_t *policy_to_json(const struct policy *policy)
{
    json_t *object = json_object();
    char value[POLICY_VALUE_SIZE];
    for (int key = 0; object && key < POLICY_KEY_COUNT; key++) {
        policy_value_print(policy, (enum policy_key)key, value);
        if (value[0] &&
            json_object_set_new(object, policy_key_name((enum policy_key)key), json_string(value))) {
            json_decref(object);
            object = NULL;
        }
    }
    return object;
}

int policy_from_json(json_t *object, struct policy *policy, struct error *err)
{
    struct policy changed = *policy;
    if (!json_is_object(object))
        return error_set(err, CE_BAD_INPUT, "a policy is an object");
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        const char *text = json_is_null(value) ? "default" : json_string_value(value);
        int rc = text ? policy_set(&changed, key, text, err)
                      : error_set(err, CE_BAD_INPUT, "the policy's %.40s is no text", key);
        if (rc)
            return rc;
    }
    *policy = changed;
    return 0;
}
