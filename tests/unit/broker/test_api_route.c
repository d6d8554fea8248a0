#include "suite.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "api_route.h"
#include "openapi_document.h"

static char params[REQUEST_PARAMS_MAX][REQUEST_TEXT_SIZE];
static char allow[64];

static const struct api_route *find(const char *method, const char *path)
{
    return api_route_find(method, path, params, allow, sizeof allow);
}

static void finds_a_route_and_its_parameters(void)
{
    const struct api_route *route = find("PUT", "/v1/groups/staff/members/ann@x");
    CU_ASSERT_PTR_NOT_NULL_FATAL(route);
    CU_ASSERT_STRING_EQUAL(route->path, "/v1/groups/{key}/members/{user}");
    CU_ASSERT_STRING_EQUAL(params[0], "staff");
    CU_ASSERT_STRING_EQUAL(params[1], "ann@x");
}

static void finds_get_for_head(void)
{
    const struct api_route *route = find("HEAD", "/v1/users");
    CU_ASSERT_PTR_NOT_NULL_FATAL(route);
    CU_ASSERT_STRING_EQUAL(route->method, "GET");
}

static void says_which_methods_a_path_has(void)
{
    CU_ASSERT_PTR_NULL(find("PUT", "/v1/users/ann"));
    CU_ASSERT_STRING_EQUAL(allow, "GET, HEAD, PATCH, DELETE");
}

static void knows_no_other_paths(void)
{
    static const char *const paths[] = {
        "",           "/",          "/v1",           "/v1/",         "/v1/user",
        "/v1/users/", "/v1//users", "/v1/users/a/b", "/v1/users/a/", "v1/users"};
    char longest[REQUEST_TEXT_SIZE + 32];
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        CU_ASSERT_PTR_NULL(find("GET", paths[i]));
        CU_ASSERT_STRING_EQUAL(allow, "");
    }
    int len = snprintf(longest, sizeof longest, "/v1/users/");
    memset(longest + len, 'x', REQUEST_TEXT_SIZE);
    longest[len + REQUEST_TEXT_SIZE] = '\0';
    CU_ASSERT_PTR_NULL(find("GET", longest));
    longest[len + REQUEST_TEXT_SIZE - 1] = '\0';
    CU_ASSERT_PTR_NOT_NULL(find("GET", longest));
}

static void knows_a_routes_query_parameters(void)
{
    const struct api_route *route = find("GET", "/v1/desktops");
    CU_ASSERT_PTR_NOT_NULL_FATAL(route);
    CU_ASSERT(api_route_has_query(route, "pool"));
    CU_ASSERT(api_route_has_query(route, "state"));
    CU_ASSERT_FALSE(api_route_has_query(route, "poo"));
    CU_ASSERT_FALSE(api_route_has_query(route, "ool"));
    CU_ASSERT_FALSE(api_route_has_query(route, ""));
    CU_ASSERT_FALSE(api_route_has_query(route, " pool"));
    CU_ASSERT_FALSE(api_route_has_query(route, "pool host"));
    CU_ASSERT_FALSE(api_route_has_query(find("GET", "/v1/users"), "pool"));
}

static void has_room_for_every_paths_methods(void)
{
    size_t count;
    const struct api_route *routes = api_routes(&count);
    for (size_t i = 0; i < count; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s", routes[i].path);
        (void)find("NONE", path);
        CU_ASSERT(strlen(allow) < sizeof allow - 1);
        CU_ASSERT_PTR_NOT_NULL(strstr(allow, routes[i].method));
    }
}

/* --- the table and the document ------------------------------------------------------------------ */

static json_t *document;

static const json_t *documented(const struct api_route *route)
{
    char method[16];
    snprintf(method, sizeof method, "%s", route->method);
    for (char *c = method; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    return json_object_get(json_object_get(json_object_get(document, "paths"), route->path), method);
}

static void every_route_is_documented_with_its_role_and_body(void)
{
    size_t count;
    const struct api_route *routes = api_routes(&count);
    for (size_t i = 0; i < count; i++) {
        const json_t *operation = documented(&routes[i]);
        if (!operation) {
            fprintf(stderr, "not documented: %s %s\n", routes[i].method, routes[i].path);
            CU_FAIL("a route is not documented");
            continue;
        }
        CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(operation, "x-role")),
                               api_role_name(routes[i].role));
        CU_ASSERT_EQUAL(json_object_get(operation, "requestBody") != NULL, routes[i].body != API_BODY_NONE);
    }
}

/* Blanks stand between and around the names in a route's table. */
static size_t count_names(const char *query)
{
    size_t blanks = 0;
    for (; *query; query++)
        blanks += *query == ' ';
    return blanks ? blanks - 1 : 0;
}

static void every_query_parameter_is_documented_and_the_other_way_round(void)
{
    size_t count;
    const struct api_route *routes = api_routes(&count);
    for (size_t i = 0; i < count; i++) {
        const json_t *parameters = json_object_get(documented(&routes[i]), "parameters");
        size_t named = 0;
        for (size_t p = 0; p < json_array_size(parameters); p++) {
            const json_t *parameter = json_array_get(parameters, p);
            const char *name = json_string_value(json_object_get(parameter, "name"));
            const char *in = json_string_value(json_object_get(parameter, "in"));
            if (!strcmp(in, "query")) {
                named++;
                CU_ASSERT(api_route_has_query(&routes[i], name));
            } else {
                char mark[64];
                snprintf(mark, sizeof mark, "{%s}", name);
                CU_ASSERT_PTR_NOT_NULL(strstr(routes[i].path, mark));
            }
        }
        CU_ASSERT_EQUAL(named, count_names(routes[i].query));
    }
}

static void the_document_has_nothing_that_is_no_route(void)
{
    size_t count, operations = 0;
    const char *path;
    json_t *methods;
    (void)api_routes(&count);
    json_object_foreach(json_object_get(document, "paths"), path, methods)
    {
        operations += json_object_size(methods);
    }
    CU_ASSERT_EQUAL(operations, count);
}

int main(void)
{
    static const struct suite_test tests[] = {
        TEST(finds_a_route_and_its_parameters),
        TEST(finds_get_for_head),
        TEST(says_which_methods_a_path_has),
        TEST(knows_no_other_paths),
        TEST(knows_a_routes_query_parameters),
        TEST(has_room_for_every_paths_methods),
        TEST(every_route_is_documented_with_its_role_and_body),
        TEST(every_query_parameter_is_documented_and_the_other_way_round),
        TEST(the_document_has_nothing_that_is_no_route),
    };
    document = json_loads(openapi_document, 0, NULL);
    int status = suite_main("api_route", tests, sizeof tests / sizeof tests[0]);
    json_decref(document);
    return status;
}
