#include "form.h"

#include <stdio.h>
#include <string.h>

#include "secret.h"

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

void form_begin(struct form *form, const char *user)
{
    form_wipe(form);
    struct form_field *field = &form->fields[FORM_USER];
    if (strlen(user) < sizeof field->text)
        strcpy(field->text, user);
    field->caret = strlen(field->text);
    form->focus = field->caret ? FORM_PASSWORD : FORM_USER;
}

void form_wipe(struct form *form)
{
    secret_wipe_bytes(form, sizeof *form);
}

static struct form_field *focused(struct form *form)
{
    return form->focus < FORM_FIELD_COUNT ? &form->fields[form->focus] : NULL;
}

enum form_outcome form_type(struct form *form, const char *text)
{
    struct form_field *field = focused(form);
    size_t len = strlen(text);
    if (!field || !len || strlen(field->text) + len >= sizeof field->text)
        return FORM_SAME;
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            return FORM_SAME;
    char *at = field->text + field->caret;
    memmove(at + len, at, strlen(at) + 1);
    memcpy(at, text, len);
    field->caret += len;
    return FORM_CHANGED;
}

static size_t step_back(const struct form_field *field)
{
    size_t at = field->caret;
    while (at > 0 && is_continuation(field->text[--at]))
        ;
    return at;
}

static size_t step_on(const struct form_field *field)
{
    size_t at = field->caret;
    if (!field->text[at])
        return at;
    do
        at++;
    while (is_continuation(field->text[at]));
    return at;
}

static enum form_outcome caret_move(struct form_field *field, size_t to)
{
    if (field->caret == to)
        return FORM_SAME;
    field->caret = to;
    return FORM_CHANGED;
}

static enum form_outcome cut(struct form_field *field, size_t from, size_t to)
{
    size_t len = strlen(field->text);
    if (from == to)
        return FORM_SAME;
    memmove(field->text + from, field->text + to, len - to + 1);
    /* What stood behind the new end was part of a password. */
    secret_wipe_bytes(field->text + len - (to - from), to - from);
    field->caret = from;
    return FORM_CHANGED;
}

static enum form_outcome edit(struct form_field *field, enum form_key key)
{
    switch (key) {
    case FORM_KEY_BACKSPACE:
        return cut(field, step_back(field), field->caret);
    case FORM_KEY_DELETE:
        return cut(field, field->caret, step_on(field));
    case FORM_KEY_CLEAR:
        return cut(field, 0, strlen(field->text));
    case FORM_KEY_LEFT:
        return caret_move(field, step_back(field));
    case FORM_KEY_RIGHT:
        return caret_move(field, step_on(field));
    case FORM_KEY_HOME:
        return caret_move(field, 0);
    case FORM_KEY_END:
        return caret_move(field, strlen(field->text));
    case FORM_KEY_TAB:
    case FORM_KEY_BACKTAB:
    case FORM_KEY_ENTER:
    case FORM_KEY_ESCAPE:
    case FORM_KEY_SPACE:
        break;
    }
    return FORM_SAME;
}

static enum form_outcome focus_set(struct form *form, enum form_part part)
{
    if (form->focus == part)
        return FORM_SAME;
    form->focus = part;
    if (part < FORM_FIELD_COUNT)
        form->fields[part].caret = strlen(form->fields[part].text);
    return FORM_CHANGED;
}

/* Enter in the first of two empty fields goes on to the second, as everywhere. */
static enum form_outcome submit(struct form *form)
{
    if (!form->fields[FORM_USER].text[0])
        return focus_set(form, FORM_USER);
    if (!form->fields[FORM_PASSWORD].text[0])
        return focus_set(form, FORM_PASSWORD);
    return FORM_SENT;
}

static enum form_outcome press(struct form *form, enum form_part part)
{
    return part == FORM_LEAVE ? FORM_LEFT : submit(form);
}

enum form_outcome form_key(struct form *form, enum form_key key)
{
    struct form_field *field = focused(form);
    switch (key) {
    case FORM_KEY_TAB:
        return focus_set(form, (enum form_part)((form->focus + 1) % FORM_PART_COUNT));
    case FORM_KEY_BACKTAB:
        return focus_set(form, (enum form_part)((form->focus + FORM_PART_COUNT - 1) % FORM_PART_COUNT));
    case FORM_KEY_ENTER:
        return press(form, form->focus);
    case FORM_KEY_SPACE:
        return field ? FORM_SAME : press(form, form->focus);
    case FORM_KEY_ESCAPE:
        return FORM_LEFT;
    case FORM_KEY_BACKSPACE:
    case FORM_KEY_DELETE:
    case FORM_KEY_LEFT:
    case FORM_KEY_RIGHT:
    case FORM_KEY_HOME:
    case FORM_KEY_END:
    case FORM_KEY_CLEAR:
        break;
    }
    return field ? edit(field, key) : FORM_SAME;
}

enum form_outcome form_click(struct form *form, enum form_part part)
{
    if (part < FORM_FIELD_COUNT)
        return focus_set(form, part);
    form->focus = part;
    return press(form, part);
}

size_t form_characters(const struct form_field *field, size_t *ret_before_caret)
{
    size_t n = 0;
    *ret_before_caret = 0;
    for (size_t i = 0; field->text[i]; i++) {
        if (is_continuation(field->text[i]))
            continue;
        n++;
        if (i < field->caret)
            ++*ret_before_caret;
    }
    return n;
}
