#include <carrel/store.h>

#include <string.h>

#include "store_parts.h"

#define COUNT(names) (sizeof(names) / sizeof((names)[0]))

static const char *const pool_kinds[] = {
    [POOL_FLOATING] = "floating", [POOL_DEDICATED] = "dedicated", [POOL_STATIC] = "static"};
static const char *const balances[] = {[BALANCE_BREADTH] = "breadth", [BALANCE_DEPTH] = "depth"};
static const char *const trusts[] = {[TRUST_FIRST_USE] = "first-use", [TRUST_ANY] = "any"};
static const char *const provisions[] = {
    [PROVISION_LINKED] = "linked", [PROVISION_INSTANT] = "instant", [PROVISION_FULL] = "full"};
static const char *const credentials[] = {
    [CREDENTIALS_CARREL] = "carrel", [CREDENTIALS_USER] = "user", [CREDENTIALS_PROMPT] = "prompt"};
static const char *const image_states[] = {[IMAGE_IMPORTING] = "importing",
                                           [IMAGE_READY] = "ready",
                                           [IMAGE_FAILED] = "failed",
                                           [IMAGE_DELETING] = "deleting"};
static const char *const host_states[] = {[HOST_UNKNOWN] = "unknown", [HOST_UP] = "up", [HOST_DOWN] = "down"};
static const char *const host_modes[] = {
    [HOST_ACTIVE] = "active", [HOST_DRAINING] = "draining", [HOST_MAINTENANCE] = "maintenance"};
static const char *const securities[] = {
    [GUEST_SECURITY_AUTO] = "auto", [GUEST_SECURITY_TLS] = "tls", [GUEST_SECURITY_NLA] = "nla"};
static const char *const host_image_states[] = {
    [HOST_IMAGE_COPYING] = "copying", [HOST_IMAGE_PRESENT] = "present", [HOST_IMAGE_FAILED] = "failed"};
static const char *const placements[] = {[PLACEMENT_SPREAD] = "spread", [PLACEMENT_PACK] = "pack"};
static const char *const logoffs[] = {
    [LOGOFF_RECYCLE] = "recycle", [LOGOFF_KEEP] = "keep", [LOGOFF_DELETE] = "delete"};
static const char *const session_states[] = {[SESSION_STARTING] = "starting",
                                             [SESSION_ACTIVE] = "active",
                                             [SESSION_DISCONNECTED] = "disconnected",
                                             [SESSION_ENDED] = "ended"};
static const char *const order_states[] = {
    [ORDER_OPEN] = "open", [ORDER_DONE] = "done", [ORDER_FAILED] = "failed"};

static const char *name_of(const char *const *names, size_t count, unsigned value)
{
    return value < count ? names[value] : "unknown";
}

static int value_of(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (name && !strcmp(names[i], name))
            return (int)i;
    }
    return -1;
}

const char *pool_kind_name(enum pool_kind kind)
{
    return name_of(pool_kinds, COUNT(pool_kinds), (unsigned)kind);
}

int pool_kind_parse(const char *name)
{
    return value_of(pool_kinds, COUNT(pool_kinds), name);
}

const char *credentials_name(enum pool_credentials mode)
{
    return name_of(credentials, COUNT(credentials), (unsigned)mode);
}

int credentials_parse(const char *name)
{
    return value_of(credentials, COUNT(credentials), name);
}

const char *pool_logoff_name(enum pool_logoff logoff)
{
    return name_of(logoffs, COUNT(logoffs), (unsigned)logoff);
}

int pool_logoff_parse(const char *name)
{
    return value_of(logoffs, COUNT(logoffs), name);
}

const char *pool_balance_name(enum pool_balance balance)
{
    return name_of(balances, COUNT(balances), (unsigned)balance);
}

int pool_balance_parse(const char *name)
{
    return value_of(balances, COUNT(balances), name);
}

const char *pool_provision_name(enum pool_provision provision)
{
    return name_of(provisions, COUNT(provisions), (unsigned)provision);
}

int pool_provision_parse(const char *name)
{
    return value_of(provisions, COUNT(provisions), name);
}

const char *pool_trust_name(enum pool_trust trust)
{
    return name_of(trusts, COUNT(trusts), (unsigned)trust);
}

int pool_trust_parse(const char *name)
{
    return value_of(trusts, COUNT(trusts), name);
}

const char *host_mode_name(enum host_mode mode)
{
    return name_of(host_modes, COUNT(host_modes), (unsigned)mode);
}

int host_mode_parse(const char *name)
{
    return value_of(host_modes, COUNT(host_modes), name);
}

const char *guest_security_name(enum guest_security security)
{
    return name_of(securities, COUNT(securities), (unsigned)security);
}

int guest_security_parse(const char *name)
{
    return value_of(securities, COUNT(securities), name);
}

const char *host_image_state_name(enum host_image_state state)
{
    return name_of(host_image_states, COUNT(host_image_states), (unsigned)state);
}

int host_image_state_parse(const char *name)
{
    return value_of(host_image_states, COUNT(host_image_states), name);
}

const char *placement_name(enum pool_placement placement)
{
    return name_of(placements, COUNT(placements), (unsigned)placement);
}

int placement_parse(const char *name)
{
    return value_of(placements, COUNT(placements), name);
}

const char *image_state_name(enum image_state state)
{
    return name_of(image_states, COUNT(image_states), (unsigned)state);
}

int image_state_parse(const char *name)
{
    return value_of(image_states, COUNT(image_states), name);
}

const char *host_state_name(enum host_state state)
{
    return name_of(host_states, COUNT(host_states), (unsigned)state);
}

int host_state_parse(const char *name)
{
    return value_of(host_states, COUNT(host_states), name);
}

const char *session_state_name(enum session_state state)
{
    return name_of(session_states, COUNT(session_states), (unsigned)state);
}

int session_state_parse(const char *name)
{
    return value_of(session_states, COUNT(session_states), name);
}

const char *order_state_name(enum order_state state)
{
    return name_of(order_states, COUNT(order_states), (unsigned)state);
}

int order_state_parse(const char *name)
{
    return value_of(order_states, COUNT(order_states), name);
}
