/* The broker's one object: what main.c builds at start, what every request and sweep works with. It lives
 * from start to stop on the loop's thread; store jobs may read config members that never change while
 * they run (the key, the names), nothing else.
 */
#ifndef CARREL_BROKER_BROKER_H
#define CARREL_BROKER_BROKER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include <carrel/store.h>

#include "api_access.h"
#include "config.h"
#include "list.h"
#include "secret.h"

struct api_server;
struct kerberos_keys;
struct login_workers;
struct claims;
struct nla;
struct questions;
struct upkeep;
struct machine_watch;

struct broker {
    uv_loop_t *loop;
    struct config config; /* a copy: jobs under way never see a reload */
    struct store *store;
    struct secret_key key; /* opens the guests' passwords; never changes */
    struct api_access access;
    struct api_server *server;
    struct login_workers *workers;
    struct claims *claims;
    struct nla *nla;                /* log-ins by CredSSP that are under way */
    struct questions *questions;    /* and those that wait for a person's answer */
    struct kerberos_keys *kerberos; /* NULL: no tickets are taken */
    struct upkeep *upkeep;
    struct machine_watch *machines;
    struct list tickets; /* requests parked until a session's ticket changes */
    struct list orders;  /* requests parked until a gateway has an order */
    struct list streams; /* event streams */
    uint64_t wakes;      /* counts changes that parked requests wait for */
    int64_t started_ms;
};

#endif
