/* The table of what the API has: method, path, who may, what it reads, which function. Constant; any thread.
 * broker/openapi.json documents the same; a test holds the two together.
 */
#ifndef CARREL_BROKER_API_ROUTE_H
#define CARREL_BROKER_API_ROUTE_H

#include <stddef.h>

#include "api_access.h"
#include "api_request.h"

#define API_LONG_MAX_BYTES (4u * 1024 * 1024)

enum api_body {
    API_BODY_NONE, /* a body is refused, unless it is {} */
    API_BODY_MAY,  /* an object, or nothing, which is an empty one */
    API_BODY_JSON, /* an object is required, of broker.max_body at most */
    API_BODY_LONG, /* one of API_LONG_MAX_BYTES at most: a heartbeat names all sessions of a gateway */
};

struct api_route {
    const char *method;
    const char *path; /* "/v1/users/{key}"; {..} matches one segment */
    enum api_role role;
    enum api_body body;
    const char *query; /* " wait after " : names of query parameters, each between blanks */
    void (*handle)(struct request *r);
};

const struct api_route *api_routes(size_t *ret_count);

/* The route of METHOD (HEAD finds GET) and PATH, with PARAMS filled. NULL with ALLOW empty: no such path;
 * with ALLOW "GET, POST": the path has other methods. */
const struct api_route *api_route_find(const char *method, const char *path,
                                       char params[REQUEST_PARAMS_MAX][REQUEST_TEXT_SIZE], char *ret_allow,
                                       size_t allow_size);

bool api_route_has_query(const struct api_route *route, const char *name);

#endif
