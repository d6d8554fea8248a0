#include "question.h"

#include <stdlib.h>
#include <string.h>

#include "list.h"

struct question {
    struct list entry;
    char id[ID_SIZE];
    int64_t deadline_ms;
    enum question_ask ask;
    struct login_progress progress;
};

struct questions {
    struct list list; /* struct question, oldest first */
    unsigned count;
};

const char *question_ask_name(enum question_ask ask)
{
    static const char *const names[ASK_COUNT] = {"nothing", "code", "new-password", "pool"};
    return names[ask];
}

int questions_open(struct questions **ret)
{
    struct questions *questions = calloc(1, sizeof *questions);
    if (!questions)
        return CE_NOMEM;
    list_init(&questions->list);
    *ret = questions;
    return 0;
}

static void question_end(struct questions *questions, struct question *q)
{
    list_remove(&q->entry);
    questions->count--;
    secret_wipe_bytes(q, sizeof *q);
    free(q);
}

void questions_sweep(struct questions *questions, int64_t now_ms)
{
    while (!list_is_empty(&questions->list)) {
        struct question *oldest = list_entry(questions->list.next, struct question, entry);
        if (questions->count <= QUESTION_MAX && oldest->deadline_ms > now_ms)
            return;
        question_end(questions, oldest);
    }
}

void questions_destroy(struct questions **questions)
{
    if (!*questions)
        return;
    questions_sweep(*questions, INT64_MAX);
    free(*questions);
    *questions = NULL;
}

int questions_put(struct questions *questions, enum question_ask ask, const struct login_progress *progress,
                  int64_t now_ms, char ret_id[ID_SIZE])
{
    struct question *q = calloc(1, sizeof *q);
    if (!q)
        return CE_NOMEM;
    id_make(ID_QUESTION, q->id);
    q->deadline_ms = now_ms + QUESTION_LIFE_MS;
    q->ask = ask;
    q->progress = *progress;
    list_append(&questions->list, &q->entry);
    questions->count++;
    questions_sweep(questions, now_ms);
    memcpy(ret_id, q->id, ID_SIZE);
    return 0;
}

static struct question *find(struct questions *questions, const char *id, const struct login_attempt *who,
                             int64_t now_ms)
{
    list_for_each_safe (pos, &questions->list) {
        struct question *q = list_entry(pos, struct question, entry);
        if (strcmp(q->id, id) != 0)
            continue;
        bool is_its =
            !strcmp(q->progress.who.gateway, who->gateway) && !strcmp(q->progress.who.address, who->address);
        return is_its && q->deadline_ms > now_ms ? q : NULL;
    }
    return NULL;
}

enum question_ask questions_look(struct questions *questions, const char *id, const struct login_attempt *who,
                                 int64_t now_ms)
{
    const struct question *q = find(questions, id, who, now_ms);
    return q ? q->ask : ASK_NOTHING;
}

int questions_take(struct questions *questions, const char *id, const struct login_attempt *who,
                   int64_t now_ms, struct login_progress *ret)
{
    struct question *q = find(questions, id, who, now_ms);
    if (!q)
        return CE_NOT_FOUND;
    *ret = q->progress;
    question_end(questions, q);
    return 0;
}
