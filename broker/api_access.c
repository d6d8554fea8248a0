#include "api_access.h"

#include <errno.h>
#include <pwd.h>
#include <unistd.h>

#include "log.h"

struct load {
    struct api_access *access;
    enum api_role role;
};

static void add_role(struct api_access *access, uid_t uid, unsigned role)
{
    for (size_t i = 0; i < access->count; i++) {
        if (access->users[i].uid == uid) {
            access->users[i].roles |= role;
            return;
        }
    }
    if (access->count == API_ACCESS_MAX) {
        log_error(
            "More than %d system users are listed in broker.admins and broker.gateways; uid %u is left out.",
            API_ACCESS_MAX, (unsigned)uid);
        return;
    }
    access->users[access->count].uid = uid;
    access->users[access->count++].roles = role;
}

static int add_user(void *arg, const char *name)
{
    struct load *load = arg;
    char buffer[4096];
    struct passwd entry;
    struct passwd *found = NULL;
    int rc = getpwnam_r(name, &entry, buffer, sizeof buffer, &found);
    if (rc || !found)
        log_warning("There is no system user \"%s\" to have the role %s.", name, api_role_name(load->role));
    else
        add_role(load->access, found->pw_uid, load->role);
    return 0;
}

void api_access_load(struct api_access *access, const struct config *config)
{
    access->count = 0;
    add_role(access, 0, API_ROLE_ADMIN);
    add_role(access, geteuid(), API_ROLE_ADMIN | API_ROLE_GATEWAY);
    struct load load = {.access = access, .role = API_ROLE_ADMIN};
    (void)config_list_each(config->broker_admins, add_user, &load);
    load.role = API_ROLE_GATEWAY;
    (void)config_list_each(config->broker_gateways, add_user, &load);
}

unsigned api_access_roles(const struct api_access *access, uid_t uid)
{
    for (size_t i = 0; i < access->count; i++) {
        if (access->users[i].uid == uid)
            return access->users[i].roles;
    }
    return API_ROLE_ANY;
}

const char *api_role_name(enum api_role role)
{
    switch (role) {
    case API_ROLE_GATEWAY:
        return "gateway";
    case API_ROLE_ADMIN:
        return "admin";
    case API_ROLE_ANY:
        break;
    }
    return "any";
}
