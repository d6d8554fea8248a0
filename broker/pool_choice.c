#include "pool_choice.h"

#include <stdio.h>
#include <string.h>

#include "api_json.h"
#include "policy_login.h"

#define CHOICES_MAX 32 /* pools of one user that are looked at when none is named; the first by name */

struct choice {
    char id[ID_SIZE], name[NAME_SIZE];
    char description[sizeof((struct pool_row *)0)->description];
    uint32_t ready;
    bool is_disabled;
    bool needs_password; /* the user's own, for the guest */
    bool is_live;        /* the user has a session there */
    bool is_newest;      /* and no newer one elsewhere */
    enum fail closed;    /* FAIL_NONE: it is open, and detail is empty */
    struct error detail;
};

struct choices {
    const char *wanted_id; /* NULL: any */
    struct choice pools[CHOICES_MAX];
    size_t count;
    char live_ids[CHOICES_MAX][ID_SIZE]; /* pools of the user's live sessions, the newest session's first */
    size_t live_count;
};

static int note_live(void *arg, const struct session_row *session)
{
    struct choices *choices = arg;
    if (choices->live_count < CHOICES_MAX)
        snprintf(choices->live_ids[choices->live_count++], ID_SIZE, "%s", session->pool_id);
    return 0;
}

static int note_pool(void *arg, const struct pool_row *pool)
{
    struct choices *choices = arg;
    struct choice *choice = &choices->pools[choices->count];
    if (choices->wanted_id && strcmp(choices->wanted_id, pool->id) != 0)
        return 0;
    bool is_live = false, is_newest = false;
    for (size_t i = 0; i < choices->live_count; i++) {
        is_live |= !strcmp(choices->live_ids[i], pool->id);
        is_newest |= i == 0 && is_live;
    }
    if (choices->count == CHOICES_MAX && !is_newest)
        return 0;
    if (choices->count == CHOICES_MAX)
        choice--; /* whoever works there comes back to it, whatever it is called */
    else
        choices->count++;
    *choice = (struct choice){.ready = pool->ready,
                              .is_disabled = !pool->enabled || pool->deleting,
                              .needs_password = pool->credentials == CREDENTIALS_USER,
                              .is_live = is_live,
                              .is_newest = is_newest};
    snprintf(choice->id, sizeof choice->id, "%s", pool->id);
    snprintf(choice->name, sizeof choice->name, "%s", pool->name);
    snprintf(choice->description, sizeof choice->description, "%s", pool->description);
    return 0;
}

/* A closed pool still has its live sessions, and what is named is for the claim to refuse. */
static int look_whether_open(struct db *db, const char *user_id, const struct pool_wish *wish,
                             struct choice *choice)
{
    struct policy policy;
    int rc = store_policy_of(db, user_id, choice->id, &policy);
    if (rc)
        return rc;
    choice->closed = choice->needs_password && !wish->has_password
                         ? FAIL_NEEDS_PASSWORD
                         : policy_login_refusal(&policy, wish->address, store_now_ms(), &choice->detail);
    if (!choice->closed && choice->is_disabled && !choice->is_live && !wish->named[0])
        choice->closed = FAIL_POOL_DISABLED;
    return 0;
}

static bool is_better(const struct choice *a, const struct choice *b)
{
    if (a->is_newest != b->is_newest)
        return a->is_newest;
    return b->is_disabled && !a->is_disabled;
}

/* By name, but the newest session's first and disabled ones last. */
static const struct choice *best(const struct choices *choices, bool open_only)
{
    const struct choice *found = NULL;
    for (size_t i = 0; i < choices->count; i++) {
        const struct choice *choice = &choices->pools[i];
        if ((!open_only || !choice->closed) && (!found || is_better(choice, found)))
            found = choice;
    }
    return found;
}

/* One open pool needs no question, unless the person would look for their session in vain. */
static bool is_worth_asking(const struct choices *choices)
{
    size_t open = 0;
    bool is_lost = false;
    for (size_t i = 0; i < choices->count; i++) {
        open += !choices->pools[i].closed;
        is_lost |= choices->pools[i].closed && choices->pools[i].is_live;
    }
    return open > 1 || (open == 1 && is_lost);
}

static json_t *choice_json(const struct choice *choice)
{
    char reason[sizeof choice->detail.text + 200] = "";
    if (choice->closed)
        snprintf(reason, sizeof reason, "%s%s%s", fail_sentence(choice->closed),
                 choice->detail.text[0] ? " " : "", choice->detail.text);
    return json_pack("{s:s, s:o, s:I, s:s, s:o, s:b}", "name", choice->name, "description",
                     api_json_text(choice->description), "ready", (json_int_t)choice->ready, "state",
                     choice->closed ? "closed" : "open", "reason", api_json_text(reason), "current",
                     choice->is_live);
}

static json_t *choices_json(const struct choices *choices)
{
    json_t *pools = json_array();
    for (size_t i = 0; i < choices->count; i++) {
        if (json_array_append_new(pools, choice_json(&choices->pools[i]))) {
            json_decref(pools);
            return NULL;
        }
    }
    return pools;
}

static int decide(struct db *db, const char *user_id, bool may_ask, const struct choices *choices,
                  struct pool_choice *ret)
{
    const struct choice *choice = best(choices, true);
    if (!choice) {
        choice = best(choices, false);
        ret->fail = choice ? choice->closed : FAIL_NOT_ENTITLED;
        if (choice)
            ret->detail = choice->detail;
        return 0;
    }
    if (may_ask && !choice->is_newest && is_worth_asking(choices)) {
        ret->pools = choices_json(choices);
        return ret->pools ? 0 : CE_NOMEM;
    }
    memcpy(ret->pool_id, choice->id, ID_SIZE);
    return store_policy_of(db, user_id, choice->id, &ret->policy);
}

int pool_choose(struct db *db, const char *user_id, const struct pool_wish *wish, struct pool_choice *ret)
{
    struct choices choices = {0};
    struct pool_row wanted;
    int rc;
    *ret = (struct pool_choice){.fail = FAIL_NONE};
    if (wish->named[0]) {
        rc = store_pool_get(db, wish->named, &wanted);
        if (rc == CE_NOT_FOUND) {
            ret->fail = FAIL_NO_SUCH_POOL;
            return 0;
        }
        choices.wanted_id = wanted.id;
    } else {
        struct session_filter filter = {.user_id = user_id, .state = -1};
        rc = store_session_list(db, &filter, note_live, &choices);
    }
    if (!rc)
        rc = store_entitlement_pools(db, user_id, note_pool, &choices);
    for (size_t i = 0; i < choices.count && !rc; i++)
        rc = look_whether_open(db, user_id, wish, &choices.pools[i]);
    return rc ? rc : decide(db, user_id, wish->may_ask && !wish->named[0], &choices, ret);
}
