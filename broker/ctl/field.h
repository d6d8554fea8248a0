/* How the members of the API's objects are shown: one table of fields per noun serves its list, its show
 * command, --columns and completion.
 */
#ifndef CARREL_CTL_FIELD_H
#define CARREL_CTL_FIELD_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define FIELD_TEXT_SIZE 1200

enum field_kind {
    FIELD_TEXT,  /* strings and numbers as they are */
    FIELD_FLAG,  /* yes or no */
    FIELD_STATE, /* coloured on a terminal */
    FIELD_TIME,
    FIELD_BYTES,
    FIELD_MIB,
    FIELD_PERCENT,
    FIELD_NAMES,       /* an array of strings */
    FIELD_FINGERPRINT, /* hex in pairs, as clients show it */
};

enum field_place {
    FIELD_USUAL = 0,
    FIELD_HIDDEN = 1, /* in show, and in lists on demand */
    FIELD_RIGHT = 2,
    FIELD_CUT = 4,       /* a column that gives way on a narrow terminal */
    FIELD_LIST_ONLY = 8, /* not in show: another field says it there */
    FIELD_SHOW_ONLY = 16,
    FIELD_NOT_ZERO = 32, /* 0 means that it is not known, or nothing to speak of */
};

struct field {
    const char *name;  /* the column, and what --columns takes: "last-login" */
    const char *title; /* in show; NULL: the name with a capital letter */
    const char *key;   /* the member; "hosts.up" goes into an object; "" is the whole object */
    enum field_kind kind;
    unsigned place;
    /* For what several members say together; NULL: by kind. */
    void (*text)(const json_t *object, char *text, size_t size);
};

/* The field's text in a table, or (LONG_FORM) after "Name:" in show. "" when the member is absent, null or
 * not of its kind. NOW_S: the present, for ages. */
const char *field_format(const struct field *field, const json_t *object, bool long_form, long long now_s,
                         char *text, size_t size);

const struct field *field_find(const struct field *fields, const char *name, size_t len);

/* The colour of a state's name for libsmartcols ("green"), or NULL. */
const char *field_state_colour(const char *state);

#endif
