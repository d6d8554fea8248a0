#include "api_route.h"

#include <stdio.h>
#include <string.h>

#include "api_handlers.h"

#define ANY API_ROLE_ANY
#define GATEWAY API_ROLE_GATEWAY
#define ADMIN API_ROLE_ADMIN
#define NONE API_BODY_NONE
#define MAY API_BODY_MAY
#define JSON API_BODY_JSON
#define LONG API_BODY_LONG

static const struct api_route routes[] = {
    {"GET", "/v1/healthz", ANY, NONE, "", api_healthz},
    {"GET", "/v1/readyz", ANY, NONE, "", api_readyz},
    {"GET", "/v1/openapi.json", ANY, NONE, "", api_openapi},
    {"GET", "/v1/status", ADMIN, NONE, "", api_status},

    {"POST", "/v1/logins", GATEWAY, JSON, "", api_login},
    {"POST", "/v1/nla", GATEWAY, JSON, "", api_nla_begin},
    {"POST", "/v1/nla/{exchange}", GATEWAY, JSON, "", api_nla_go_on},
    {"GET", "/v1/sessions/{id}/ticket", GATEWAY, NONE, " connection wait percent place ", api_session_ticket},
    {"PUT", "/v1/gateways/{name}", GATEWAY, LONG, "", api_gateway_heartbeat},
    {"POST", "/v1/gateways/{name}/reports", GATEWAY, LONG, "", api_gateway_reports},
    {"GET", "/v1/gateways/{name}/orders", GATEWAY, NONE, " after wait boot_id ", api_gateway_orders},

    {"GET", "/v1/users", ADMIN, NONE, "", api_users_list},
    {"POST", "/v1/users", ADMIN, JSON, "", api_users_add},
    {"GET", "/v1/users/{key}", ADMIN, NONE, "", api_user_get},
    {"PATCH", "/v1/users/{key}", ADMIN, JSON, "", api_user_change},
    {"DELETE", "/v1/users/{key}", ADMIN, NONE, "", api_user_delete},
    {"POST", "/v1/users/{key}/otp", ADMIN, NONE, "", api_user_otp_enable},
    {"DELETE", "/v1/users/{key}/otp", ADMIN, NONE, "", api_user_otp_disable},
    {"GET", "/v1/groups", ADMIN, NONE, "", api_groups_list},
    {"POST", "/v1/groups", ADMIN, JSON, "", api_groups_add},
    {"GET", "/v1/groups/{key}", ADMIN, NONE, "", api_group_get},
    {"DELETE", "/v1/groups/{key}", ADMIN, NONE, "", api_group_delete},
    {"PUT", "/v1/groups/{key}/members/{user}", ADMIN, NONE, "", api_group_member_add},
    {"DELETE", "/v1/groups/{key}/members/{user}", ADMIN, NONE, "", api_group_member_remove},
    {"GET", "/v1/entitlements", ADMIN, NONE, "", api_entitlements_list},
    {"POST", "/v1/entitlements", ADMIN, JSON, "", api_entitlements_add},
    {"GET", "/v1/entitlements/{id}", ADMIN, NONE, "", api_entitlement_get},
    {"PATCH", "/v1/entitlements/{id}", ADMIN, JSON, "", api_entitlement_change},
    {"DELETE", "/v1/entitlements/{id}", ADMIN, NONE, "", api_entitlement_delete},

    {"GET", "/v1/images", ADMIN, NONE, "", api_images_list},
    {"POST", "/v1/images", ADMIN, JSON, "", api_images_add},
    {"POST", "/v1/images/{key}/prune", ADMIN, JSON, "", api_image_prune},
    {"POST", "/v1/images/{key}/versions", ADMIN, JSON, "", api_image_publish},
    {"GET", "/v1/images/{key}", ADMIN, NONE, "", api_image_get},
    {"DELETE", "/v1/images/{key}", ADMIN, NONE, "", api_image_delete},
    {"GET", "/v1/pools", ADMIN, NONE, "", api_pools_list},
    {"POST", "/v1/pools", ADMIN, JSON, "", api_pools_add},
    {"GET", "/v1/pools/{key}", ADMIN, NONE, "", api_pool_get},
    {"PATCH", "/v1/pools/{key}", ADMIN, JSON, "", api_pool_change},
    {"DELETE", "/v1/pools/{key}", ADMIN, NONE, "", api_pool_delete},
    {"POST", "/v1/pools/{key}/retry", ADMIN, NONE, "", api_pool_retry},
    {"GET", "/v1/pools/{key}/failures", ADMIN, NONE, "", api_pool_failures},
    {"GET", "/v1/pools/{key}/roll", ADMIN, NONE, "", api_roll_get},
    {"POST", "/v1/pools/{key}/roll", ADMIN, JSON, "", api_roll_begin},
    {"PATCH", "/v1/pools/{key}/roll", ADMIN, JSON, "", api_roll_change},
    {"GET", "/v1/pools/{key}/power", ADMIN, NONE, "", api_power_get},
    {"PATCH", "/v1/pools/{key}/power", ADMIN, JSON, "", api_power_change},
    {"GET", "/v1/pools/{key}/schedule", ADMIN, NONE, "", api_rules_list},
    {"POST", "/v1/pools/{key}/schedule", ADMIN, JSON, "", api_rule_add},
    {"DELETE", "/v1/pools/{key}/schedule/{number}", ADMIN, NONE, "", api_rule_delete},
    {"GET", "/v1/machines", ADMIN, NONE, " pool ", api_machines_list},
    {"POST", "/v1/machines", ADMIN, JSON, "", api_machines_add},
    {"GET", "/v1/machines/{key}", ADMIN, NONE, "", api_machine_get},
    {"PATCH", "/v1/machines/{key}", ADMIN, JSON, "", api_machine_change},
    {"DELETE", "/v1/machines/{key}", ADMIN, NONE, "", api_machine_delete},
    {"GET", "/v1/hosts", ADMIN, NONE, "", api_hosts_list},
    {"POST", "/v1/hosts", ADMIN, JSON, "", api_hosts_add},
    {"GET", "/v1/hosts/{key}", ADMIN, NONE, "", api_host_get},
    {"PATCH", "/v1/hosts/{key}", ADMIN, JSON, "", api_host_change},
    {"DELETE", "/v1/hosts/{key}", ADMIN, NONE, "", api_host_delete},

    {"GET", "/v1/data-disks", ADMIN, NONE, " pool user ", api_data_disks_list},
    {"GET", "/v1/data-disks/{id}", ADMIN, NONE, "", api_data_disk_get},
    {"POST", "/v1/data-disks/{id}/detach", ADMIN, MAY, "", api_data_disk_detach},
    {"DELETE", "/v1/data-disks/{id}", ADMIN, NONE, "", api_data_disk_delete},
    {"GET", "/v1/desktops", ADMIN, NONE, " pool host state ", api_desktops_list},
    {"GET", "/v1/desktops/{key}", ADMIN, NONE, "", api_desktop_get},
    {"POST", "/v1/desktops/{key}/recycle", ADMIN, NONE, "", api_desktop_recycle},
    {"POST", "/v1/desktops/{key}/restart", ADMIN, NONE, "", api_desktop_restart},
    {"POST", "/v1/desktops/{key}/maintenance", ADMIN, MAY, "", api_desktop_maintenance},
    {"POST", "/v1/desktops/{key}/release", ADMIN, NONE, "", api_desktop_release},
    {"GET", "/v1/desktops/{key}/log", ADMIN, NONE, "", api_desktop_log_get},
    {"POST", "/v1/desktops/{key}/log", ADMIN, NONE, "", api_desktop_log},
    {"GET", "/v1/desktops/{key}/screenshot", ADMIN, NONE, "", api_desktop_screenshot_get},
    {"POST", "/v1/desktops/{key}/screenshot", ADMIN, NONE, "", api_desktop_screenshot},
    {"POST", "/v1/desktops/{key}/console", ADMIN, NONE, "", api_desktop_console},
    {"GET", "/v1/desktops/{key}/snapshots", ADMIN, NONE, "", api_snapshots_list},
    {"POST", "/v1/desktops/{key}/snapshots", ADMIN, JSON, "", api_snapshot_create},
    {"POST", "/v1/desktops/{key}/snapshots/{name}/restore", ADMIN, MAY, "", api_snapshot_restore},
    {"DELETE", "/v1/desktops/{key}/snapshots/{name}", ADMIN, NONE, "", api_snapshot_delete},
    {"GET", "/v1/sessions", ADMIN, NONE, " user pool state ended limit ", api_sessions_list},
    {"GET", "/v1/sessions/{id}", ADMIN, NONE, "", api_session_get},
    {"POST", "/v1/sessions/{id}/disconnect", ADMIN, NONE, "", api_session_disconnect},
    {"POST", "/v1/sessions/{id}/logoff", ADMIN, MAY, "", api_session_logoff},
    {"POST", "/v1/sessions/{id}/message", ADMIN, JSON, "", api_session_message},
    {"GET", "/v1/gateways", ADMIN, NONE, "", api_gateways_list},
    {"GET", "/v1/gateways/{name}", ADMIN, NONE, "", api_gateway_get},
    {"POST", "/v1/gateways/{name}/drain", ADMIN, NONE, "", api_gateway_drain},
    {"POST", "/v1/gateways/{name}/undrain", ADMIN, NONE, "", api_gateway_undrain},

    {"GET", "/v1/events", ADMIN, NONE, " after limit follow ", api_events_list},
    {"GET", "/v1/orders/{number}", ADMIN, NONE, "", api_order_get},
};

#define ROUTE_COUNT (sizeof routes / sizeof routes[0])

const struct api_route *api_routes(size_t *ret_count)
{
    *ret_count = ROUTE_COUNT;
    return routes;
}

/* Compares segment by segment; a parameter must not be empty and must fit. */
static int path_matches(const char *pattern, const char *path,
                        char params[REQUEST_PARAMS_MAX][REQUEST_TEXT_SIZE])
{
    size_t count = 0;
    for (;;) {
        size_t pattern_len = strcspn(pattern, "/");
        size_t path_len = strcspn(path, "/");
        if (pattern[0] == '{') {
            if (!path_len || path_len >= REQUEST_TEXT_SIZE || count == REQUEST_PARAMS_MAX)
                return 0;
            memcpy(params[count], path, path_len);
            params[count++][path_len] = '\0';
        } else if (pattern_len != path_len || memcmp(pattern, path, path_len)) {
            return 0;
        }
        pattern += pattern_len;
        path += path_len;
        if (!*pattern || !*path)
            return !*pattern && !*path;
        pattern++;
        path++;
    }
}

static void allow_add(char *allow, size_t size, const char *method)
{
    size_t len = strlen(allow);
    snprintf(allow + len, size - len, "%s%s%s", len ? ", " : "", method,
             strcmp(method, "GET") ? "" : ", HEAD");
}

const struct api_route *api_route_find(const char *method, const char *path,
                                       char params[REQUEST_PARAMS_MAX][REQUEST_TEXT_SIZE], char *ret_allow,
                                       size_t allow_size)
{
    const char *wanted = strcmp(method, "HEAD") ? method : "GET";
    ret_allow[0] = '\0';
    for (size_t i = 0; i < ROUTE_COUNT; i++) {
        if (!path_matches(routes[i].path, path, params))
            continue;
        if (!strcmp(routes[i].method, wanted))
            return &routes[i];
        allow_add(ret_allow, allow_size, routes[i].method);
    }
    return NULL;
}

bool api_route_has_query(const struct api_route *route, const char *name)
{
    size_t len = strchr(name, ' ') ? 0 : strlen(name);
    for (const char *at = route->query; len && (at = strstr(at, name)); at += len) {
        if (at > route->query && at[-1] == ' ' && at[len] == ' ')
            return true;
    }
    return false;
}
