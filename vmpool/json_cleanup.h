/* CLEANUP_JSON json_t *value: given up when it goes out of scope. */
#ifndef VMPOOL_JSON_CLEANUP_H
#define VMPOOL_JSON_CLEANUP_H

#include <jansson.h>

static inline void json_unref(json_t **json)
{
    json_decref(*json);
}
#define CLEANUP_JSON __attribute__((cleanup(json_unref)))

#endif
