#include "machine_watch.h"

#include <stdlib.h>
#include <string.h>

#include "broker.h"
#include "grow.h"
#include "list.h"
#include "log.h"
#include "probe.h"

#define PROBES_AT_ONCE 64        /* machines that are asked at the same time; others wait for their turn */
#define FIRST_PAUSE_MS 1000      /* after the first missing answer; it doubles with each */
#define SHORTEST_INTERVAL_MS 100 /* whatever the configuration says */
#define LONGEST_PAUSE_TIMES 4    /* at most so many times the usual interval */

struct machine_watch {
    struct broker *broker;
    struct list asked; /* struct asked: all machines */
    struct list turns; /* those that are due while PROBES_AT_ONCE are under way */
    unsigned probes;
    bool reading, again, closed;
    /* Of the read job under way: */
    struct machine_row *rows;
    size_t row_count;
    char urgent[ID_SIZE]; /* asked at once after the next reading */
};

/* One machine. It is freed when its timer is closed. */
struct asked {
    struct machine_watch *watch;
    struct list entry, turn;
    struct machine_row row; /* as last read */
    uv_timer_t timer;
    struct probe *probe; /* NULL: none under way */
    bool waits;          /* for its turn */
    bool writing;        /* what it said is being written */
    bool seen;           /* in the list that was read last */
};

static void ask(struct asked *asked);

uint64_t machine_watch_pause_ms(uint32_t failures, uint64_t interval_ms)
{
    uint64_t pause_ms = FIRST_PAUSE_MS;
    if (interval_ms < SHORTEST_INTERVAL_MS)
        interval_ms = SHORTEST_INTERVAL_MS;
    if (!failures)
        return interval_ms;
    for (uint32_t i = 1; i < failures && pause_ms < LONGEST_PAUSE_TIMES * interval_ms; i++)
        pause_ms *= 2;
    return pause_ms < LONGEST_PAUSE_TIMES * interval_ms ? pause_ms : LONGEST_PAUSE_TIMES * interval_ms;
}

static void on_due(uv_timer_t *timer)
{
    ask(timer->data);
}

static void ask_later(struct asked *asked)
{
    uint64_t interval_ms = asked->watch->broker->config.broker_machine_check_ms;
    uv_timer_start(&asked->timer, on_due, machine_watch_pause_ms(asked->row.failures, interval_ms), 0);
}

static void next_turn(struct machine_watch *watch)
{
    while (watch->probes < PROBES_AT_ONCE && !list_is_empty(&watch->turns)) {
        struct asked *asked = list_entry(watch->turns.next, struct asked, turn);
        list_remove(&asked->turn);
        asked->waits = false;
        ask(asked);
    }
}

static void probe_end(struct asked *asked)
{
    if (!asked->probe)
        return;
    probe_close(&asked->probe);
    asked->watch->probes--;
}

/* --- what it said ----------------------------------------------------------------------------------------- */

struct answer {
    struct machine_watch *watch;
    char id[ID_SIZE];
    bool answered;
    uint32_t limit;
    char why[REASON_SIZE];
    struct machine_row row; /* after the job */
};

static int answer_job(struct db *db, void *arg)
{
    struct answer *answer = arg;
    return store_machine_heard(db, answer->id, answer->answered ? NULL : answer->why, answer->limit,
                               &answer->row);
}

static struct asked *find(const struct machine_watch *watch, const char *id)
{
    list_for_each (pos, &watch->asked) {
        struct asked *asked = list_entry(pos, struct asked, entry);
        if (!strcmp(asked->row.id, id))
            return asked;
    }
    return NULL;
}

static void answer_written(void *arg, int rc)
{
    struct answer *answer = arg;
    struct machine_watch *watch = answer->watch;
    struct asked *asked = watch->closed ? NULL : find(watch, answer->id);
    if (asked) {
        asked->writing = false;
        if (!rc && answer->row.state != asked->row.state)
            log_info("Machine %s of pool %s is %s%s%s.", answer->row.name, answer->row.pool,
                     machine_state_name(answer->row.state), answer->row.reason[0] ? ": " : "",
                     answer->row.reason);
        if (!rc)
            asked->row = answer->row;
        ask_later(asked);
    }
    free(answer);
}

static void on_probe(void *arg, int rc)
{
    struct asked *asked = arg;
    struct machine_watch *watch = asked->watch;
    char why[REASON_SIZE];
    snprintf(why, sizeof why, "%s", rc ? probe_why(asked->probe) : "");
    probe_end(asked);
    bool news =
        rc || asked->row.failures || asked->row.state == MACHINE_UNKNOWN || asked->row.state == MACHINE_DOWN;
    struct answer *answer = news ? calloc(1, sizeof *answer) : NULL;
    if (answer) {
        answer->watch = watch;
        memcpy(answer->id, asked->row.id, sizeof answer->id);
        answer->answered = rc == 0;
        answer->limit = (uint32_t)watch->broker->config.broker_machine_failures;
        memcpy(answer->why, why, sizeof answer->why);
    }
    if (answer && !store_submit(watch->broker->store, STORE_WRITE, answer_job, answer_written, answer)) {
        asked->writing = true;
    } else {
        free(answer);
        ask_later(asked);
    }
    next_turn(watch);
}

static void ask(struct asked *asked)
{
    struct machine_watch *watch = asked->watch;
    if (asked->probe || asked->writing || asked->waits)
        return;
    uv_timer_stop(&asked->timer);
    if (watch->probes >= PROBES_AT_ONCE) {
        asked->waits = true;
        list_append(&watch->turns, &asked->turn);
        return;
    }
    watch->probes++;
    if (probe_open(&asked->probe, watch->broker->loop, asked->row.address, asked->row.port, 1, on_probe,
                   asked)) {
        watch->probes--;
        ask_later(asked);
    }
}

/* --- which machines there are ----------------------------------------------------------------------------- */

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void asked_drop(struct asked *asked)
{
    probe_end(asked);
    if (asked->waits)
        list_remove(&asked->turn);
    list_remove(&asked->entry);
    uv_close((uv_handle_t *)&asked->timer, on_closed);
}

static void drop_all(struct machine_watch *watch)
{
    list_for_each_safe (pos, &watch->asked)
        asked_drop(list_entry(pos, struct asked, entry));
}

static struct asked *asked_add(struct machine_watch *watch, const struct machine_row *row)
{
    struct asked *asked = calloc(1, sizeof *asked);
    if (!asked || uv_timer_init(watch->broker->loop, &asked->timer)) {
        free(asked);
        return NULL;
    }
    asked->watch = watch;
    asked->timer.data = asked;
    asked->row = *row;
    list_append(&watch->asked, &asked->entry);
    return asked;
}

static int note_machine(void *arg, const struct machine_row *row)
{
    struct machine_watch *watch = arg;
    struct machine_row *more = array_grow(watch->rows, watch->row_count, sizeof *more);
    if (!more)
        return CE_NOMEM;
    watch->rows = more;
    watch->rows[watch->row_count++] = *row;
    return 0;
}

static int read_job(struct db *db, void *arg)
{
    struct machine_watch *watch = arg;
    watch->row_count = 0;
    return store_machine_list(db, "", note_machine, watch);
}

static void apply(struct machine_watch *watch)
{
    list_for_each (pos, &watch->asked)
        list_entry(pos, struct asked, entry)->seen = false;
    for (size_t i = 0; i < watch->row_count; i++) {
        const struct machine_row *row = &watch->rows[i];
        struct asked *asked = find(watch, row->id);
        bool at_once = !asked || !strcmp(watch->urgent, row->id);
        if (asked && !asked->writing)
            asked->row = *row;
        else if (!asked)
            asked = asked_add(watch, row);
        if (!asked)
            continue;
        asked->seen = true;
        if (at_once)
            ask(asked);
    }
    watch->urgent[0] = '\0';
    list_for_each_safe (pos, &watch->asked) {
        struct asked *asked = list_entry(pos, struct asked, entry);
        if (!asked->seen)
            asked_drop(asked);
    }
    next_turn(watch);
}

static void read_done(void *arg, int rc)
{
    struct machine_watch *watch = arg;
    watch->reading = false;
    if (!rc && !watch->closed && watch->broker->config.broker_machine_failures)
        apply(watch);
    free(watch->rows);
    watch->rows = NULL;
    if (rc && !watch->closed)
        log_warning("The machines of static pools could not be read: %s.", error_name(rc));
    if (watch->again && !rc)
        machine_watch_look(watch, "");
}

void machine_watch_look(struct machine_watch *watch, const char *id)
{
    if (watch->closed)
        return;
    if (!watch->broker->config.broker_machine_failures) {
        drop_all(watch);
        return;
    }
    if (id[0])
        snprintf(watch->urgent, sizeof watch->urgent, "%s", id);
    watch->again = watch->reading;
    if (!watch->reading)
        watch->reading = store_submit(watch->broker->store, STORE_READ, read_job, read_done, watch) == 0;
}

int machine_watch_open(struct machine_watch **ret, struct broker *broker)
{
    struct machine_watch *watch = calloc(1, sizeof *watch);
    if (!watch)
        return CE_NOMEM;
    watch->broker = broker;
    list_init(&watch->asked);
    list_init(&watch->turns);
    machine_watch_look(watch, "");
    *ret = watch;
    return 0;
}

void machine_watch_close(struct machine_watch *watch)
{
    watch->closed = true;
    drop_all(watch);
}

void machine_watch_destroy(struct machine_watch **watch)
{
    free(*watch);
    *watch = NULL;
}
