/* A policy in the API's documents: read strictly, with its time zones looked up. On the store's thread. */
#ifndef CARREL_BROKER_API_POLICY_H
#define CARREL_BROKER_API_POLICY_H

#include <carrel/policy.h>

#include "api_json.h"

/* The member "policy", an object; the keys that it names are changed in *policy. */
bool api_reader_policy(struct api_reader *reader, struct policy *policy);

#endif
