/* A policy as the API and a ticket have it: an object with a text per key that is set. Pure, any thread. */
#ifndef CARREL_POLICY_JSON_H
#define CARREL_POLICY_JSON_H

#include <jansson.h>

#include <carrel/policy.h>

/* NULL: no memory. */
json_t *policy_to_json(const struct policy *policy);

/* Sets the keys that OBJECT names and leaves the others; null is the same as "default". */
int policy_from_json(json_t *object, struct policy *policy, struct error *err) MUST_CHECK;

#endif
