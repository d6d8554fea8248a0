/* carrel-broker: who may have which desktop. The order of ending: no new requests, parked ones answered,
 * passwords that wait given up -> passwords under way checked -> the store's jobs done -> answers sent ->
 * handles closed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api_server.h"
#include "broker.h"
#include "claim.h"
#include "daemon.h"
#include "kerberos.h"
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

/* The keytab, where one is configured. The replay cache stands beside the socket, in memory. */
static int kerberos_load(struct broker *broker, struct error *err)
{
    const struct config *config = &broker->config;
    char replay_cache[CONFIG_TEXT_SIZE + 16];
    struct kerberos_keys *keys = NULL;
    if (*config->broker_kerberos_keytab) {
        if (!*config->broker_kerberos_realm)
            return error_set(err, CE_BAD_INPUT,
                             "broker.kerberos_keytab is set, and broker.kerberos_realm is not");
        const char *slash = strrchr(config->broker_socket, '/');
        snprintf(replay_cache, sizeof replay_cache, "%.*s/krb5.rcache",
                 slash ? (int)(slash - config->broker_socket) : 1, slash ? config->broker_socket : ".");
        int rc = kerberos_keys_open(&keys, config->broker_kerberos_keytab, replay_cache, err);
        if (rc)
            return rc;
        log_info("Kerberos tickets are taken. realm=%s keytab=%s", config->broker_kerberos_realm,
                 config->broker_kerberos_keytab);
    }
    kerberos_keys_close(&broker->kerberos);
    broker->kerberos = keys;
    return 0;
}

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
        rc = kerberos_load(broker, err);
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
    struct error err = {0};
    if (kerberos_load(broker, &err))
        log_error("Kerberos stays as it was: %s.", err.text);
    api_access_load(&broker->access, &broker->config);
}

static void server_closed(void *arg)
{
    struct broker *broker = arg;
    upkeep_destroy(&broker->upkeep);
    machine_watch_destroy(&broker->machines);
    claims_destroy(&broker->claims);
    nla_destroy(&broker->nla);
    questions_destroy(&broker->questions);
    kerberos_keys_close(&broker->kerberos);
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
