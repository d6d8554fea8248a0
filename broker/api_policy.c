#include "api_policy.h"

#include "policy_json.h"
#include "policy_login.h"

bool api_reader_policy(struct api_reader *reader, struct policy *policy)
{
    const json_t *object;
    struct policy changed = *policy;
    struct error err;
    if (!api_reader_object(reader, "policy", API_OPTIONAL, &object))
        return false;
    /* jansson's iterators want an object that may be changed; nothing here does. */
    if (policy_from_json(json_object_get(reader->object, "policy"), &changed, &err) ||
        policy_zones_check(&changed, &err)) {
        api_reader_refuse(reader, "The member \"policy\" is not right: %s.", err.text);
        return false;
    }
    *policy = changed;
    return true;
}
