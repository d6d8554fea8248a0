#include "census.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool desktop_row_is_free(const struct desktop_row *row)
{
    return !*row->owner_id && !row->touched && !*row->session_id;
}

/* --- groups -----------------------------------------------------------------------------------------------
 */

struct census_group *census_find(const struct census *census, const char *id)
{
    for (struct index_entry *e = index_first(&census->groups, id); e; e = index_next(e)) {
        struct census_group *group = index_of(e, struct census_group, by_id);
        if (!strcmp(group->id, id))
            return group;
    }
    return NULL;
}

static struct census_group *group_make(struct census *census, const char *id)
{
    struct census_group *group = census_find(census, id);
    if (group || !(group = calloc(1, sizeof *group)))
        return group;
    snprintf(group->id, sizeof group->id, "%s", id);
    list_init(&group->of_pool);
    list_init(&group->of_host);
    list_init(&group->of_image);
    group->name_from = 1;
    if (index_add(&census->groups, &group->by_id, group->id))
        return group;
    free(group);
    return NULL;
}

static void group_leave(struct census *census, struct census_group *group)
{
    if (!group || group->tallies)
        return;
    index_remove(&census->groups, &group->by_id);
    free(group);
}

/* --- tallies ----------------------------------------------------------------------------------------------
 */

#define TALLY_KEY_SIZE (3 * ID_SIZE)

static void tally_key(const struct desktop_row *row, char key[TALLY_KEY_SIZE])
{
    snprintf(key, TALLY_KEY_SIZE, "%s %s %s", row->pool_id, row->host_id, row->image_id);
}

static bool tally_is_of(const struct tally *tally, const struct desktop_row *row)
{
    return !strcmp(tally->pool->id, row->pool_id) && !strcmp(tally->host->id, row->host_id) &&
           !strcmp(tally->image->id, row->image_id);
}

static void tally_free(struct census *census, struct tally *tally)
{
    struct census_group *groups[] = {tally->pool, tally->host, tally->image};
    index_remove(&census->tallies, &tally->by_ids);
    list_remove(&tally->in_pool);
    list_remove(&tally->in_host);
    list_remove(&tally->in_image);
    free(tally);
    for (size_t i = 0; i < 3; i++) {
        if (groups[i])
            groups[i]->tallies--;
    }
    for (size_t i = 0; i < 3; i++) {
        bool again = (i > 0 && groups[i] == groups[0]) || (i > 1 && groups[i] == groups[1]);
        if (!again)
            group_leave(census, groups[i]);
    }
}

/* A tally of groups that were made for it. */
static struct tally *tally_create(struct census *census, const struct desktop_row *row, const char *key)
{
    struct tally *tally = calloc(1, sizeof *tally);
    if (!tally)
        return NULL;
    list_init(&tally->in_pool);
    list_init(&tally->in_host);
    list_init(&tally->in_image);
    list_init(&tally->members);
    if ((tally->pool = group_make(census, row->pool_id)))
        tally->pool->tallies++;
    if ((tally->host = group_make(census, row->host_id)))
        tally->host->tallies++;
    if ((tally->image = group_make(census, row->image_id)))
        tally->image->tallies++;
    if (!tally->pool || !tally->host || !tally->image || !index_add(&census->tallies, &tally->by_ids, key)) {
        tally_free(census, tally);
        return NULL;
    }
    list_append(&tally->pool->of_pool, &tally->in_pool);
    list_append(&tally->host->of_host, &tally->in_host);
    list_append(&tally->image->of_image, &tally->in_image);
    return tally;
}

static struct tally *tally_make(struct census *census, const struct desktop_row *row)
{
    char key[TALLY_KEY_SIZE];
    tally_key(row, key);
    for (struct index_entry *e = index_first(&census->tallies, key); e; e = index_next(e)) {
        struct tally *tally = index_of(e, struct tally, by_ids);
        if (tally_is_of(tally, row))
            return tally;
    }
    return tally_create(census, row, key);
}

/* --- counting ---------------------------------------------------------------------------------------------
 */

/* Adds or takes away (SIGN -1, as unsigned arithmetic has it) one desktop. */
static void count(const struct census_place *place, uint32_t sign)
{
    struct tally *tally = place->tally;
    bool starts = place->state == DESKTOP_CLONING || place->state == DESKTOP_BOOTING;
    tally->total += sign;
    tally->running += place->state != DESKTOP_STOPPED && place->state != DESKTOP_FAILED ? sign : 0;
    tally->starting += starts ? sign : 0;
    tally->host->starting += starts ? sign : 0;
    tally->lent += desktop_state_is_lent(place->state) ? sign : 0;
    tally->coming += starts && place->free ? sign : 0;
    tally->detached += place->state == DESKTOP_MAINTENANCE ? sign : 0;
    tally->free_ready += place->state == DESKTOP_READY && place->free ? sign : 0;
}

void census_remove(struct census *census, struct census_place *place)
{
    struct tally *tally = place->tally;
    if (!tally)
        return;
    count(place, (uint32_t)-1);
    list_remove(&place->entry);
    place->tally = NULL;
    if (!tally->total)
        tally_free(census, tally);
}

bool census_put(struct census *census, struct census_place *place, const struct desktop_row *row)
{
    if (place->tally && tally_is_of(place->tally, row)) {
        count(place, (uint32_t)-1);
    } else {
        census_remove(census, place);
        place->tally = tally_make(census, row);
        if (!place->tally)
            return false;
        list_append(&place->tally->members, &place->entry);
    }
    place->state = row->state;
    place->free = desktop_row_is_free(row);
    count(place, 1);
    return true;
}

void census_finish(struct census *census)
{
    index_finish(&census->tallies);
    index_finish(&census->groups);
}
