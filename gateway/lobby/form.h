/* One form machine for all pages of the lobby: up to two fields, a list, two buttons, and what keys, clicks and
 * the wheel do to them. What a page asks for is data, struct form_spec (page.h has the pages). Pure; the thread
 * of the visit.
 */
#ifndef CARREL_LOBBY_FORM_H
#define CARREL_LOBBY_FORM_H

#include <stdbool.h>
#include <stddef.h>

enum {
    FORM_FIELD_SIZE = 257, /* bytes of UTF-8 with the terminator; what does not fit is not taken */
    FORM_FIELDS_MAX = 2,
    FORM_ROWS_MAX = 32, /* of a list */
};

/* In the order of the Tab key. A page has some of them. */
enum form_part {
    FORM_FIRST, /* the fields */
    FORM_SECOND,
    FORM_LIST,
    FORM_GO, /* the buttons */
    FORM_LEAVE,
    FORM_PART_COUNT,
};

enum form_kind {
    FORM_TEXT,
    FORM_SECRET, /* shown as dots */
    FORM_DIGITS, /* takes nothing else; blanks and dashes between them are passed over */
};

struct form_spec {
    unsigned field_count;
    struct {
        const char *label;
        enum form_kind kind;
    } fields[FORM_FIELDS_MAX];
    bool is_twice;          /* the second field has to repeat the first */
    bool has_list;          /* of which one row is chosen */
    bool is_calm;           /* nothing has the focus: an Enter out of impatience leaves nothing */
    const char *go, *leave; /* words on the buttons; go may be NULL: there is none */
};

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
    FORM_KEY_UP, /* in a field as Shift-Tab, as Tab downwards */
    FORM_KEY_DOWN,
    FORM_KEY_PAGE_UP,
    FORM_KEY_PAGE_DOWN,
    FORM_KEY_HOME,
    FORM_KEY_END,
    FORM_KEY_CLEAR, /* empties the field */
};

enum form_outcome {
    FORM_SAME,
    FORM_CHANGED,
    FORM_DIFFERENT, /* the two fields are not the same; the second one is empty again */
    FORM_SENT,
    FORM_LEFT,
};

struct form_field {
    char text[FORM_FIELD_SIZE];
    size_t caret; /* a byte offset, between characters */
};

struct form_list {
    unsigned count, visible; /* rows in all, and how many the page has room for */
    unsigned chosen;         /* count: none */
    unsigned top;            /* the first row that is seen */
    bool open[FORM_ROWS_MAX];
    char initial[FORM_ROWS_MAX]; /* small letters */
};

struct form {
    const struct form_spec *spec;              /* borrowed */
    struct form_field fields[FORM_FIELDS_MAX]; /* may be secret: form_wipe() */
    struct form_list list;
    enum form_part focus; /* FORM_PART_COUNT: nothing has it */
    bool sent;            /* nothing is taken until the next page */
};

/* Empty but for the first field, which begins with TEXT where it is no secret; the focus where the person has to
 * type. LIST is taken over where the page has one; NULL otherwise. */
void form_begin(struct form *form, const struct form_spec *spec, const char *text,
                const struct form_list *list);
void form_wipe(struct form *form);

bool form_has(const struct form *form, enum form_part part);
bool form_is_field(const struct form *form, enum form_part part); /* and the page has it */
/* Whether all that is needed is there, so that the first button can be pressed. */
bool form_can_go(const struct form *form);

/* One character or more, in UTF-8, without control characters. In a list the next row that begins so. */
enum form_outcome form_type(struct form *form, const char *text);
enum form_outcome form_key(struct form *form, enum form_key key);
/* AT: in a field, the byte offset at which the caret shall be. */
enum form_outcome form_click(struct form *form, enum form_part part, size_t at);
/* A row of the list; TWICE: a double click, which means Enter. */
enum form_outcome form_pick(struct form *form, unsigned row, bool twice);
enum form_outcome form_scroll(struct form *form, int rows);
/* The page has room for so many rows; the chosen one stays in sight. */
void form_list_show(struct form *form, unsigned visible);

/* How many characters the field has (not bytes), and how many are before the caret. */
size_t form_characters(const struct form_field *field, size_t *ret_before_caret);
/* The byte offset of the character with this number; the end's where there are not so many. */
size_t form_offset(const struct form_field *field, size_t character);

#endif
