/* When how many desktops of a pool stand ready, and what becomes of those that nobody uses. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <carrel/power.h>

#include "api_handlers.h"
#include "api_problem.h"
#include "audit.h"
#include "zone.h"

#define IDLE_MIN_S 10
#define IDLE_MAX_S (365u * 86400)
#define IDLE_USUAL_S 1800
#define SPARE_MAX 100000 /* as with pools */
#define MODES "off, on-connect, spare, always-on"

static json_t *clock_json(unsigned minute)
{
    char text[16];
    snprintf(text, sizeof text, "%02u:%02u", minute / 60, minute % 60);
    return json_string(text);
}

static json_t *rule_json(const struct power_rule *rule)
{
    char hours[POWER_RULE_TEXT_SIZE];
    power_hours_print(&rule->window, hours);
    hours[strcspn(hours, " ")] = '\0';
    return json_pack("{s:I, s:s, s:o, s:o, s:s, s:I}", "number", (json_int_t)rule->number, "days", hours,
                     "from", clock_json(rule->window.from_min), "to", clock_json(rule->window.to_min), "mode",
                     power_mode_name(rule->mode), "spare", (json_int_t)rule->spare);
}

/* NULL: no memory, or (with *RET_RC) the store did not tell. */
static json_t *power_json(struct db *db, const struct pool_row *pool, const struct power_row *row,
                          int *ret_rc)
{
    struct power_rule rules[POWER_RULES_MAX];
    unsigned count = 0;
    *ret_rc = store_power_rules(db, pool->id, rules, &count);
    json_t *items = json_array();
    for (unsigned i = 0; i < count; i++)
        json_array_append_new(items, rule_json(&rules[i]));
    return json_pack("{s:s, s:s, s:s, s:I, s:b, s:s, s:I, s:I, s:I, s:o, s:o, s:o}", "mode",
                     power_mode_name(row->mode), "zone", row->zone, "idle", power_idle_name(row->idle),
                     "idle_after_s", (json_int_t)(row->idle_after_ms / 1000), "autoscale", row->autoscale,
                     "now_mode", power_mode_name(row->now_mode), "now_spare", (json_int_t)row->now_spare,
                     "usual_demand", (json_int_t)row->now_demand, "wanted",
                     (json_int_t)power_wanted(row, pool, pool->lent), "why", api_json_text(row->now_why),
                     "until", api_json_time(row->now_until_ms), "rules", items);
}

int api_power_add(struct db *db, const struct pool_row *pool, json_t *json)
{
    struct power_row row;
    int rc = store_power_get(db, pool->id, &row);
    if (rc)
        return rc == CE_NOT_FOUND ? 0 : rc;
    json_t *power = power_json(db, pool, &row, &rc);
    if (json_object_set_new(json, "power", power) && !rc)
        rc = CE_NOMEM;
    return rc;
}

static int get_pool(struct db *db, struct request *r, struct pool_row *ret)
{
    int rc = store_pool_get(db, r->params[0], ret);
    return rc ? problem_set_rc(r, db, rc, "There is no pool \"%s\".", r->params[0]) : 0;
}

static int answer_power(struct db *db, struct request *r, const struct pool_row *pool, unsigned status)
{
    struct power_row row;
    int rc = store_power_get(db, pool->id, &row);
    if (rc == CE_NOT_FOUND) { /* what holds for whom nothing was said */
        row.now_spare = pool->spare;
        rc = 0;
    }
    if (!rc)
        request_set(r, status, power_json(db, pool, &row, &rc));
    return rc;
}

static int get_job(struct db *db, struct request *r)
{
    struct pool_row pool;
    int rc = get_pool(db, r, &pool);
    return rc ? rc : answer_power(db, r, &pool, 200);
}

void api_power_get(struct request *r)
{
    request_run(r, STORE_READ, get_job, NULL);
}

/* --- a change ------------------------------------------------------------------------------------ */

static void read_zone(struct api_reader *reader, struct power_row *row)
{
    char zone[POLICY_ZONE_SIZE], words[POLICY_ZONE_SIZE + 32];
    struct policy policy = {0};
    struct error err = {0};
    struct zone loaded = {0};
    if (!api_reader_text(reader, "zone", API_OPTIONAL, zone, sizeof zone))
        return;
    snprintf(words, sizeof words, "daily 00:00-24:00%s%s", *zone ? " " : "", zone);
    if (policy_set(&policy, "hours", words, &err) || zone_load(&loaded, zone))
        api_reader_refuse(reader,
                          "There is no time zone \"%s\" on the broker's machine; it wants a name such as "
                          "Europe/Berlin, or \"\" for the machine's own.",
                          zone);
    else
        snprintf(row->zone, sizeof row->zone, "%s", zone);
    zone_unload(&loaded);
}

static void read_power(struct api_reader *reader, struct power_row *row)
{
    int choice;
    uint32_t after_s = 0;
    if (api_reader_choice(reader, "mode", API_OPTIONAL, power_mode_parse, MODES, &choice))
        row->mode = (enum power_mode)choice;
    if (api_reader_choice(reader, "idle", API_OPTIONAL, power_idle_parse, "keep, stop, suspend", &choice))
        row->idle = (enum power_idle)choice;
    if (api_reader_u32(reader, "idle_after_s", API_OPTIONAL, IDLE_MIN_S, IDLE_MAX_S, &after_s))
        row->idle_after_ms = (int64_t)after_s * 1000;
    else if (row->idle != POWER_KEEP && !row->idle_after_ms)
        row->idle_after_ms = IDLE_USUAL_S * 1000;
    api_reader_flag(reader, "autoscale", API_OPTIONAL, &row->autoscale);
    read_zone(reader, row);
}

static int change_job(struct db *db, struct request *r)
{
    struct pool_row pool;
    struct power_row row;
    struct api_reader reader;
    int rc = get_pool(db, r, &pool);
    if (rc)
        return rc;
    rc = store_power_get(db, pool.id, &row);
    if (rc && rc != CE_NOT_FOUND)
        return rc;
    api_reader_init(&reader, r->body, "");
    read_power(&reader, &row);
    rc = api_reader_finish(&reader);
    if (rc) {
        problem_set(r, PROBLEM_BAD_REQUEST, "%s", reader.err.text);
        return rc;
    }
    rc = store_power_set(db, &row);
    if (rc)
        return problem_set_rc(r, db, rc, "Pool %s cannot be told so.", pool.name);
    rc = audit_admin(db, r, "pool.power", pool.id, "When desktops of pool %s run was changed: %s, %s",
                     pool.name, power_mode_name(row.mode), power_idle_name(row.idle));
    return rc ? rc : answer_power(db, r, &pool, 200);
}

void api_power_change(struct request *r)
{
    request_run(r, STORE_WRITE, change_job, NULL);
}

/* --- rules --------------------------------------------------------------------------------------- */

static void read_rule(struct api_reader *reader, struct power_rule *rule)
{
    char days[40] = "", from[8] = "", to[8] = "", words[POWER_RULE_TEXT_SIZE];
    int mode = POWER_SPARE;
    bool said = api_reader_text(reader, "days", API_REQUIRED, days, sizeof days);
    said = api_reader_text(reader, "from", API_REQUIRED, from, sizeof from) && said;
    said = api_reader_text(reader, "to", API_REQUIRED, to, sizeof to) && said;
    snprintf(words, sizeof words, "%s %s-%s", days, from, to);
    if (said && (strpbrk(days, " ;") || power_hours_parse(words, &rule->window)))
        api_reader_refuse(
            reader,
            "The rule \"%s\" is not understood: it wants days such as mon-fri, sat,sun or daily, "
            "and two times from 00:00 to 24:00 that differ.",
            words);
    api_reader_choice(reader, "mode", API_OPTIONAL, power_mode_parse, MODES, &mode);
    rule->mode = (enum power_mode)mode;
    if (rule->mode == POWER_SPARE)
        api_reader_u32(reader, "spare", API_REQUIRED, 0, SPARE_MAX, &rule->spare);
    else if (api_reader_has(reader, "spare"))
        api_reader_refuse(reader, "The member \"spare\" has a meaning only with the mode \"spare\".");
}

static int rule_add_job(struct db *db, struct request *r)
{
    struct pool_row pool;
    struct api_reader reader;
    struct power_rule rule = {0};
    char hours[POWER_RULE_TEXT_SIZE];
    int rc = get_pool(db, r, &pool);
    if (rc)
        return rc;
    api_reader_init(&reader, r->body, "");
    read_rule(&reader, &rule);
    rc = api_reader_finish(&reader);
    if (rc) {
        problem_set(r, PROBLEM_BAD_REQUEST, "%s", reader.err.text);
        return rc;
    }
    rc = store_power_rule_insert(db, pool.id, &rule);
    if (rc)
        return problem_set_rc(r, db, rc, "Pool %s cannot be told so.", pool.name);
    power_hours_print(&rule.window, hours);
    rc = audit_admin(db, r, "pool.rule-added", pool.id, "Pool %s got rule %u: %s, %s %u", pool.name,
                     rule.number, hours, power_mode_name(rule.mode), rule.spare);
    request_set(r, 201, rule_json(&rule));
    return rc;
}

void api_rule_add(struct request *r)
{
    request_run(r, STORE_WRITE, rule_add_job, NULL);
}

static int rules_job(struct db *db, struct request *r)
{
    struct pool_row pool;
    struct power_rule rules[POWER_RULES_MAX];
    unsigned count = 0;
    int rc = get_pool(db, r, &pool);
    if (!rc)
        rc = store_power_rules(db, pool.id, rules, &count);
    if (rc)
        return rc;
    json_t *items = json_array();
    for (unsigned i = 0; i < count; i++)
        json_array_append_new(items, rule_json(&rules[i]));
    request_set_items(r, items);
    return 0;
}

void api_rules_list(struct request *r)
{
    request_run(r, STORE_READ, rules_job, NULL);
}

static int rule_delete_job(struct db *db, struct request *r)
{
    struct pool_row pool;
    char *end;
    int rc = get_pool(db, r, &pool);
    if (rc)
        return rc;
    unsigned long number = strtoul(r->params[1], &end, 10);
    rc = *end || number > UINT32_MAX ? CE_NOT_FOUND : store_power_rule_delete(db, pool.id, (uint32_t)number);
    if (rc)
        return problem_set_rc(r, db, rc, "Pool \"%s\" has no rule %s.", pool.name, r->params[1]);
    rc = audit_admin(db, r, "pool.rule-removed", pool.id, "Rule %lu of pool %s was removed", number,
                     pool.name);
    r->answer.status = 204;
    return rc;
}

void api_rule_delete(struct request *r)
{
    request_run(r, STORE_WRITE, rule_delete_job, NULL);
}
