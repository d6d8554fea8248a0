/* carrel-broker: who may have which desktop. The order of ending: no new requests, parked ones answered,
 * passwords that wait given up -> passwords under way checked -> the store's jobs done -> answers sent ->
 * handles closed.
 */
#include <stdlib.h>
#include <string.h>

#include "api_server.h"
#include "broker.h"
#include "claim.h"
#include "daemon.h"
#include "log.h"
#include "login_local.h"
#include "machine_watch.h"
#include "nla.h"
#include "question.h"
#include "sspi.h"
#include "totp.h"
#include "upkeep.h"

#include "api_json.h"

#define NO_NTLM "broker.nla is on, and there is no NTLM on this machine: OpenSSL's legacy provider is needed"

static int broker_start(struct daemon_run *run, struct error *err)
{
    struct broker *broker = calloc(1, sizeof *broker);
    if (!broker)
        return error_set(err, CE_NOMEM, "no memory for the broker");
    run->state = broker;
    broker->loop = run->loop;
    broker->config = *run->config;
    broker->started_ms = store_now_ms();
    list_init(&broker->tickets);
    list_init(&broker->orders);
    list_init(&broker->streams);
    api_json_init();
    api_access_load(&broker->access, &broker->config);
    int rc = secret_library_init();
    if (rc)
        return error_set(err, rc, "libsodium cannot start");
    rc = totp_library_init();
    if (rc)
        return error_set(err, rc, "liboath cannot start");
    rc = secret_hash_set_cost(broker->config.broker_password_memory_bytes);
    if (rc)
        return error_set(err, rc,
                         "broker.password_memory is not between 8KiB and 4TiB, or there is no such memory");
    rc = secret_key_load(&broker->key, broker->config.store_key_file, 1, err);
    if (!rc)
        rc = store_open(&broker->store, broker->loop, broker->config.store_path, "broker", err);
    if (!rc)
        rc = login_workers_open(&broker->workers, broker->loop, (unsigned)broker->config.broker_login_workers,
                                err);
    if (!rc && (claims_open(&broker->claims, broker) || machine_watch_open(&broker->machines, broker) ||
                upkeep_open(&broker->upkeep, broker)))
        rc = error_set(err, CE_NOMEM, "no memory for the broker");
    if (!rc && (nla_open(&broker->nla) || questions_open(&broker->questions)))
        rc = error_set(err, CE_NOMEM, "no memory for the broker");
    if (!rc && broker->config.broker_nla && sspi_library_init())
        rc = error_set(err, CE_UNSUPPORTED, NO_NTLM);
    if (!rc)
        rc = api_server_open(&broker->server, broker, err);
    if (!rc)
        log_info("The broker listens at %s.", broker->config.broker_socket);
    return rc;
}

/* Paths and the number of workers stay until the next start; the rest is for what comes from now on. */
static void broker_reload(struct daemon_run *run)
{
    struct broker *broker = run->state;
    char socket[CONFIG_TEXT_SIZE];
    memcpy(socket, broker->config.broker_socket, sizeof socket);
    if (strcmp(socket, run->config->broker_socket) ||
        strcmp(broker->config.store_path, run->config->store_path) ||
        strcmp(broker->config.store_key_file, run->config->store_key_file) ||
        broker->config.broker_login_workers != run->config->broker_login_workers ||
        broker->config.broker_password_memory_bytes != run->config->broker_password_memory_bytes)
        log_warning("store.path, store.key_file, broker.socket, broker.login_workers and "
                    "broker.password_memory change at "
                    "the next start.");
    broker->config = *run->config;
    memcpy(broker->config.broker_socket, socket, sizeof socket);
    if (broker->config.broker_nla && sspi_library_init()) {
        broker->config.broker_nla = false;
        log_error("%s.", NO_NTLM);
    }
    api_access_load(&broker->access, &broker->config);
    log_info("The configuration was read again.");
}

static void server_closed(void *arg)
{
    struct broker *broker = arg;
    upkeep_destroy(&broker->upkeep);
    machine_watch_destroy(&broker->machines);
    claims_destroy(&broker->claims);
    nla_destroy(&broker->nla);
    questions_destroy(&broker->questions);
    secret_wipe_bytes(&broker->key, sizeof broker->key);
    free(broker);
}

static void store_closed(void *arg)
{
    struct broker *broker = arg;
    api_server_close(broker->server, server_closed, broker);
}

static void workers_closed(void *arg)
{
    struct broker *broker = arg;
    store_close(broker->store, store_closed, broker);
}

static void requests_idle(void *arg)
{
    struct broker *broker = arg;
    login_workers_close(broker->workers, workers_closed, broker);
}

static void broker_stop(struct daemon_run *run)
{
    struct broker *broker = run->state;
    upkeep_close(broker->upkeep);
    machine_watch_close(broker->machines);
    login_workers_stop(broker->workers);
    api_server_drain(broker->server, requests_idle, broker);
}

static const struct daemon broker_daemon = {
    .name = "carrel-broker",
    .summary = "decides who may have which desktop and serves Carrel's API",
    .start = broker_start,
    .reload = broker_reload,
    .stop = broker_stop,
};

int main(int argc, char **argv)
{
    return daemon_main(argc, argv, &broker_daemon);
}
