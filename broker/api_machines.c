#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "api_handlers.h"
#include "api_problem.h"
#include "audit.h"

#define RDP_PORT 3389
#define MACHINE_SESSIONS_MAX 100000 /* more is a slip of the keyboard rather than a wish */
#define FINGERPRINT_LEN 64

static json_t *machine_json(const struct machine_row *row)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:i, s:I, s:I, s:b, s:s, s:o, s:I, s:o, s:s, s:o}", "id", row->id,
                     "name", row->name, "pool", row->pool, "address", row->address, "port", (int)row->port,
                     "sessions", (json_int_t)row->sessions, "sessions_max", (json_int_t)row->sessions_max,
                     "draining", row->draining, "state", machine_state_name(row->state), "state_since",
                     api_json_time(row->state_since_ms), "failures", (json_int_t)row->failures, "reason",
                     api_json_text(row->reason), "fingerprint", row->fingerprint, "created",
                     api_json_time(row->created_ms));
}

static int add_machine(void *arg, const struct machine_row *row)
{
    return json_array_append_new(arg, machine_json(row)) ? CE_NOMEM : 0;
}

static int list_job(struct db *db, struct request *r)
{
    struct pool_row pool = {0};
    const char *name = request_query(r, "pool");
    int rc = name ? store_pool_get(db, name, &pool) : 0;
    if (rc)
        return problem_set_rc(r, db, rc, "There is no pool \"%s\".", name);
    json_t *items = json_array();
    rc = store_machine_list(db, pool.id, add_machine, items);
    request_set_items(r, items);
    return rc;
}

void api_machines_list(struct request *r)
{
    request_run(r, STORE_READ, list_job, NULL);
}

static int get_machine(struct db *db, struct request *r, struct machine_row *ret)
{
    int rc = store_machine_get(db, r->params[0], ret);
    return rc ? problem_set_rc(r, db, rc, "There is no machine \"%s\".", r->params[0]) : 0;
}

static int answer_machine(struct db *db, struct request *r, const char *id, unsigned status)
{
    struct machine_row row;
    int rc = store_machine_get(db, id, &row);
    if (!rc)
        request_set(r, status, machine_json(&row));
    return rc;
}

static int get_job(struct db *db, struct request *r)
{
    struct machine_row row;
    int rc = get_machine(db, r, &row);
    if (!rc)
        request_set(r, 200, machine_json(&row));
    return rc;
}

void api_machine_get(struct request *r)
{
    request_run(r, STORE_READ, get_job, NULL);
}

/* --- reading ------------------------------------------------------------------------------------- */

/* One spelling of each address, so that a machine is not added twice. False for what is no address. */
static bool address_normalize(char address[ADDRESS_SIZE])
{
    unsigned char bytes[sizeof(struct in6_addr)];
    int family = strchr(address, ':') ? AF_INET6 : AF_INET;
    char text[INET6_ADDRSTRLEN];
    if (inet_pton(family, address, bytes) != 1 || !inet_ntop(family, bytes, text, sizeof text))
        return false;
    snprintf(address, ADDRESS_SIZE, "%s", text);
    return true;
}

static void read_address(struct api_reader *reader, struct machine_row *row)
{
    uint32_t port = RDP_PORT;
    if (api_reader_text(reader, "address", API_REQUIRED, row->address, sizeof row->address) &&
        !address_normalize(row->address))
        api_reader_refuse(
            reader, "The member \"address\" must be an IPv4 or IPv6 address. Names are not looked up: a "
                    "gateway connects to nothing but the address that it was given.");
    api_reader_u32(reader, "port", API_OPTIONAL, 1, UINT16_MAX, &port);
    row->port = (uint16_t)port;
}

/* Hex, with or without colons between the bytes; kept in small letters without them. */
static bool fingerprint_normalize(const char *text, char ret[FINGERPRINT_LEN + 1])
{
    size_t used = 0;
    for (; *text; text++) {
        if (*text == ':' && used && used % 2 == 0)
            continue;
        if (!isxdigit((unsigned char)*text) || used == FINGERPRINT_LEN)
            return false;
        ret[used++] = (char)tolower((unsigned char)*text);
    }
    ret[used] = '\0';
    return used == 0 || used == FINGERPRINT_LEN;
}

/* The members that POST and PATCH have in common. */
static void read_common(struct api_reader *reader, struct machine_row *row)
{
    char fingerprint[2 * FINGERPRINT_LEN];
    api_reader_u32(reader, "sessions_max", API_OPTIONAL, 1, MACHINE_SESSIONS_MAX, &row->sessions_max);
    api_reader_flag(reader, "draining", API_OPTIONAL, &row->draining);
    if (api_reader_text(reader, "fingerprint", API_OPTIONAL, fingerprint, sizeof fingerprint) &&
        !fingerprint_normalize(fingerprint, row->fingerprint))
        api_reader_refuse(reader,
                          "The member \"fingerprint\" must be the SHA-256 of the machine's certificate "
                          "in hex, or empty for one that is not known.");
}

/* A name made of the address: "10.0.0.7", "10.0.0.7-3390", "fd00--7". */
static void name_from_address(struct machine_row *row)
{
    char port[8] = "";
    if (row->port != RDP_PORT)
        snprintf(port, sizeof port, "-%u", (unsigned)row->port);
    snprintf(row->name, sizeof row->name, "%s%.*s%s", row->address[0] == ':' ? "ip" : "", INET6_ADDRSTRLEN,
             row->address, port);
    for (char *c = row->name; *c; c++) {
        if (*c == ':')
            *c = '-';
    }
}

/* --- writing ------------------------------------------------------------------------------------- */

static int add_job(struct db *db, struct request *r)
{
    struct machine_row row = *(const struct machine_row *)r->input;
    struct pool_row pool;
    int rc = store_pool_get(db, row.pool, &pool);
    if (rc)
        return problem_set_rc(r, db, rc, "There is no pool \"%s\".", row.pool);
    if (pool.kind != POOL_STATIC) {
        problem_set(r, PROBLEM_CONFLICT, "Pool %s is %s; only a static pool has machines.", pool.name,
                    pool_kind_name(pool.kind));
        return CE_CONFLICT;
    }
    snprintf(row.pool_id, sizeof row.pool_id, "%s", pool.id);
    rc = store_machine_insert(db, &row);
    if (rc)
        return problem_set_rc(r, db, rc, "There is a machine \"%s\" or an address %s, port %u, already.",
                              row.name, row.address, (unsigned)row.port);
    rc =
        audit_admin(db, r, "machine.created", row.id, "Machine %s was added to pool %s", row.name, pool.name);
    return rc ? rc : answer_machine(db, r, row.id, 201);
}

void api_machines_add(struct request *r)
{
    struct machine_row *row = request_input(r, sizeof *row);
    if (!row)
        return;
    row->sessions_max = 1;
    struct api_reader reader;
    api_reader_init(&reader, r->body, "");
    api_reader_text(&reader, "pool", API_REQUIRED, row->pool, sizeof row->pool);
    read_address(&reader, row);
    if (!api_reader_text(&reader, "name", API_OPTIONAL, row->name, sizeof row->name))
        name_from_address(row);
    else if (!name_is_valid(row->name))
        api_reader_refuse(
            &reader, "A machine's name has letters, digits and . _ - and begins with a letter or digit.");
    read_common(&reader, row);
    if (request_read_done(r, &reader))
        request_run(r, STORE_WRITE, add_job, NULL);
}

/* Reads the body over the machine as it is now, so that members that are not named stay. */
static int change_job(struct db *db, struct request *r)
{
    struct machine_row row;
    int rc = get_machine(db, r, &row);
    if (rc)
        return rc;
    struct api_reader reader;
    api_reader_init(&reader, r->body, "");
    read_common(&reader, &row);
    rc = api_reader_finish(&reader);
    if (rc) {
        problem_set(r, PROBLEM_BAD_REQUEST, "%s", reader.err.text);
        return rc;
    }
    rc = store_machine_update(db, &row);
    if (rc)
        return problem_set_rc(r, db, rc, "Machine %s cannot be changed now.", row.name);
    rc = audit_admin(db, r, "machine.changed", row.id, "Machine %s was changed", row.name);
    return rc ? rc : answer_machine(db, r, row.id, 200);
}

void api_machine_change(struct request *r)
{
    request_run(r, STORE_WRITE, change_job, NULL);
}

static int delete_job(struct db *db, struct request *r)
{
    struct machine_row row;
    int rc = get_machine(db, r, &row);
    if (rc)
        return rc;
    rc = store_machine_delete(db, row.id);
    if (rc)
        return problem_set_rc(r, db, rc, "Machine %s cannot be removed now.", row.name);
    r->answer.status = 204;
    return audit_admin(db, r, "machine.deleted", row.id, "Machine %s was removed", row.name);
}

void api_machine_delete(struct request *r)
{
    request_run(r, STORE_WRITE, delete_job, NULL);
}
