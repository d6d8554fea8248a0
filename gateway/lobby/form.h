/* The log-in form as a state machine: two fields, two buttons, and what keys and clicks do to them. Pure; the
 * thread of the visit.
 */
#ifndef CARREL_LOBBY_FORM_H
#define CARREL_LOBBY_FORM_H

#include <stdbool.h>
#include <stddef.h>

enum {
    FORM_FIELD_SIZE = 257, /* bytes of UTF-8 with the terminator; what does not fit is not taken */
};

/* In the order of the Tab key. */
enum form_part {
    FORM_USER,
    FORM_PASSWORD,
    FORM_LOGIN, /* the buttons */
    FORM_LEAVE,
    FORM_PART_COUNT,
};

#define FORM_FIELD_COUNT FORM_LOGIN /* the parts before the buttons */

enum form_key {
    FORM_KEY_TAB,
    FORM_KEY_BACKTAB,
    FORM_KEY_ENTER,
    FORM_KEY_ESCAPE,
    FORM_KEY_SPACE, /* presses a button; in a field it is a character, see form_type() */
    FORM_KEY_BACKSPACE,
    FORM_KEY_DELETE,
    FORM_KEY_LEFT,
    FORM_KEY_RIGHT,
    FORM_KEY_HOME,
    FORM_KEY_END,
    FORM_KEY_CLEAR, /* empties the field */
};

enum form_outcome {
    FORM_SAME,
    FORM_CHANGED,
    FORM_SENT,
    FORM_LEFT,
};

struct form_field {
    char text[FORM_FIELD_SIZE];
    size_t caret; /* a byte offset, between characters */
};

struct form {
    struct form_field fields[FORM_FIELD_COUNT]; /* the second one is secret: form_wipe() */
    enum form_part focus;
};

/* An empty password; the focus where the person has to type. */
void form_begin(struct form *form, const char *user);
void form_wipe(struct form *form);

/* One character or more, in UTF-8, without control characters. */
enum form_outcome form_type(struct form *form, const char *text);
enum form_outcome form_key(struct form *form, enum form_key key);
enum form_outcome form_click(struct form *form, enum form_part part);

/* How many characters the field has (not bytes), and how many are before the caret. */
size_t form_characters(const struct form_field *field, size_t *ret_before_caret);

#endif
