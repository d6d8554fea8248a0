#include "form.h"

#include <ctype.h>
#include <string.h>

#include "secret.h"

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

void form_wipe(struct form *form)
{
    secret_wipe_bytes(form, sizeof *form);
}

bool form_has(const struct form *form, enum form_part part)
{
    const struct form_spec *spec = form->spec;
    switch (part) {
    case FORM_FIRST:
    case FORM_SECOND:
        return spec && (unsigned)part < spec->field_count;
    case FORM_LIST:
        return spec && spec->has_list;
    case FORM_GO:
        return spec && spec->go;
    case FORM_LEAVE:
        return spec && spec->leave;
    case FORM_PART_COUNT:
        break;
    }
    return false;
}

bool form_is_field(const struct form *form, enum form_part part)
{
    return (part == FORM_FIRST || part == FORM_SECOND) && form_has(form, part);
}

bool form_can_go(const struct form *form)
{
    if (!form_has(form, FORM_GO) || form->sent)
        return false;
    for (unsigned i = 0; i < form->spec->field_count; i++)
        if (!form->fields[i].text[0])
            return false;
    return !form->spec->has_list || form->list.chosen < form->list.count;
}

static enum form_part first_focus(const struct form *form)
{
    if (form->spec->is_calm)
        return FORM_PART_COUNT;
    for (unsigned i = 0; i < form->spec->field_count; i++)
        if (!form->fields[i].text[0])
            return (enum form_part)i;
    return form->spec->has_list && form->list.chosen < form->list.count ? FORM_LIST : FORM_LEAVE;
}

void form_begin(struct form *form, const struct form_spec *spec, const char *text,
                const struct form_list *list)
{
    form_wipe(form);
    form->spec = spec;
    struct form_field *field = &form->fields[FORM_FIRST];
    if (spec->field_count && spec->fields[FORM_FIRST].kind == FORM_TEXT && strlen(text) < sizeof field->text)
        strcpy(field->text, text);
    field->caret = strlen(field->text);
    if (spec->has_list && list)
        form->list = *list;
    form->focus = first_focus(form);
}

/* ---- the list ---- */

static void in_sight(struct form_list *list)
{
    unsigned last_top = list->count > list->visible ? list->count - list->visible : 0;
    if (list->chosen < list->count && list->chosen < list->top)
        list->top = list->chosen;
    if (list->chosen < list->count && list->chosen >= list->top + list->visible)
        list->top = list->chosen - list->visible + 1;
    if (list->top > last_top)
        list->top = last_top;
}

void form_list_show(struct form *form, unsigned visible)
{
    form->list.visible = visible;
    in_sight(&form->list);
}

enum form_outcome form_scroll(struct form *form, int rows)
{
    struct form_list *list = &form->list;
    unsigned last_top = list->count > list->visible ? list->count - list->visible : 0, old = list->top;
    if (!form_has(form, FORM_LIST) || form->sent)
        return FORM_SAME;
    if (rows < 0)
        list->top = list->top > (unsigned)-rows ? list->top - (unsigned)-rows : 0;
    else
        list->top = list->top + (unsigned)rows < last_top ? list->top + (unsigned)rows : last_top;
    return list->top == old ? FORM_SAME : FORM_CHANGED;
}

/* The open row at FROM or the next one in the direction of STEP; count where there is none. */
static unsigned open_row(const struct form_list *list, long from, long step)
{
    for (long i = from; i >= 0 && i < (long)list->count; i += step)
        if (list->open[i])
            return (unsigned)i;
    return list->count;
}

static enum form_outcome row_choose(struct form_list *list, unsigned row)
{
    unsigned old_top = list->top, old = list->chosen;
    if (row < list->count)
        list->chosen = row;
    in_sight(list);
    return list->chosen == old && list->top == old_top ? FORM_SAME : FORM_CHANGED;
}

/* Closed rows cannot be chosen, but they are read: the ends of the list come into sight with their nearest open
 * row. */
static enum form_outcome list_key(struct form_list *list, enum form_key key)
{
    unsigned old_top = list->top, row = list->chosen, page = list->visible ? list->visible : 1;
    long at = list->chosen < list->count ? (long)list->chosen : -1, last = (long)list->count - 1;
    if (key == FORM_KEY_UP || key == FORM_KEY_PAGE_UP) {
        long wanted = at - (key == FORM_KEY_UP ? 1 : (long)page);
        row = open_row(list, wanted > 0 ? wanted : 0, wanted > 0 ? -1 : 1);
    } else if (key == FORM_KEY_DOWN || key == FORM_KEY_PAGE_DOWN) {
        long wanted = at + (key == FORM_KEY_DOWN ? 1 : (long)page);
        row = open_row(list, wanted < last ? wanted : last, wanted < last ? 1 : -1);
    } else if (key == FORM_KEY_HOME) {
        row = open_row(list, 0, 1);
    } else if (key == FORM_KEY_END) {
        row = open_row(list, last, -1);
    }
    enum form_outcome outcome = row_choose(list, row);
    if (list->chosen < list->count && open_row(list, (long)list->chosen - 1, -1) == list->count &&
        list->chosen < page)
        list->top = 0;
    if (list->chosen < list->count && open_row(list, (long)list->chosen + 1, 1) == list->count &&
        list->chosen + page >= list->count)
        list->top = list->count > page ? list->count - page : 0;
    return outcome == FORM_SAME && list->top == old_top ? FORM_SAME : FORM_CHANGED;
}

/* The next open row that begins with this letter, from the chosen one on and round. */
static enum form_outcome list_jump(struct form_list *list, char letter)
{
    int wanted = tolower((unsigned char)letter);
    for (unsigned i = 1; i <= list->count; i++) {
        unsigned row = (list->chosen + i) % list->count;
        if (list->open[row] && tolower((unsigned char)list->initial[row]) == wanted)
            return row_choose(list, row);
    }
    return FORM_SAME;
}

/* ---- the fields ---- */

static bool digits_take(const char *text, char *ret)
{
    size_t n = 0;
    for (const char *c = text; *c; c++) {
        if (isdigit((unsigned char)*c))
            ret[n++] = *c;
        else if (*c != ' ' && *c != '-')
            return false;
    }
    ret[n] = '\0';
    return n > 0;
}

static enum form_outcome field_type(struct form_field *field, enum form_kind kind, const char *text)
{
    char digits[FORM_FIELD_SIZE];
    if (strlen(text) >= sizeof digits)
        return FORM_SAME;
    if (kind == FORM_DIGITS) {
        if (!digits_take(text, digits))
            return FORM_SAME;
        text = digits;
    }
    size_t len = strlen(text);
    if (!len || strlen(field->text) + len >= sizeof field->text)
        return FORM_SAME;
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            return FORM_SAME;
    char *at = field->text + field->caret;
    memmove(at + len, at, strlen(at) + 1);
    memcpy(at, text, len);
    field->caret += len;
    secret_wipe_bytes(digits, sizeof digits);
    return FORM_CHANGED;
}

enum form_outcome form_type(struct form *form, const char *text)
{
    if (!form->spec || form->sent)
        return FORM_SAME;
    if (form->focus == FORM_LIST && form->list.count)
        return list_jump(&form->list, text[0]);
    if (!form_is_field(form, form->focus))
        return FORM_SAME;
    return field_type(&form->fields[form->focus], form->spec->fields[form->focus].kind, text);
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

static enum form_outcome field_key(struct form_field *field, enum form_key key)
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
    case FORM_KEY_UP:
    case FORM_KEY_DOWN:
    case FORM_KEY_PAGE_UP:
    case FORM_KEY_PAGE_DOWN:
        break;
    }
    return FORM_SAME;
}

/* ---- the focus and the buttons ---- */

/* The field that has the focus, or NULL. */
static struct form_field *focused(struct form *form)
{
    if (!form_is_field(form, form->focus))
        return NULL;
    return &form->fields[form->focus == FORM_SECOND];
}

static enum form_outcome focus_set(struct form *form, enum form_part part)
{
    if (form->focus == part)
        return FORM_SAME;
    form->focus = part;
    struct form_field *field = focused(form);
    if (field)
        field->caret = strlen(field->text);
    return FORM_CHANGED;
}

static bool takes_focus(const struct form *form, enum form_part part)
{
    if (part == FORM_GO)
        return form_can_go(form);
    if (part == FORM_LIST)
        return form_has(form, part) && form->list.chosen < form->list.count;
    return form_has(form, part);
}

static enum form_outcome focus_step(struct form *form, unsigned step)
{
    unsigned part = form->focus;
    if (part == FORM_PART_COUNT) /* nothing had it: the first, or the last one */
        part = step == 1 ? FORM_PART_COUNT - 1 : 0;
    for (unsigned i = 0; i < FORM_PART_COUNT; i++) {
        part = (part + step) % FORM_PART_COUNT;
        if (takes_focus(form, (enum form_part)part))
            return focus_set(form, (enum form_part)part);
    }
    return FORM_SAME;
}

/* Enter in the first of two empty fields goes on to the second, as everywhere. */
static enum form_outcome submit(struct form *form)
{
    for (unsigned i = 0; i < form->spec->field_count; i++)
        if (!form->fields[i].text[0])
            return focus_set(form, (enum form_part)i);
    if (!form_can_go(form))
        return FORM_SAME;
    struct form_field *second = &form->fields[FORM_SECOND];
    if (form->spec->is_twice && strcmp(form->fields[FORM_FIRST].text, second->text) != 0) {
        secret_wipe_bytes(second, sizeof *second);
        form->focus = FORM_SECOND;
        return FORM_DIFFERENT;
    }
    form->sent = true;
    return FORM_SENT;
}

static enum form_outcome press(struct form *form, enum form_part part)
{
    if (part == FORM_PART_COUNT)
        return FORM_SAME;
    return part == FORM_LEAVE ? FORM_LEFT : submit(form);
}

enum form_outcome form_key(struct form *form, enum form_key key)
{
    if (!form->spec || (form->sent && key != FORM_KEY_ESCAPE))
        return FORM_SAME;
    switch (key) {
    case FORM_KEY_TAB:
        return focus_step(form, 1);
    case FORM_KEY_BACKTAB:
        return focus_step(form, FORM_PART_COUNT - 1);
    case FORM_KEY_ENTER:
        return press(form, form->focus);
    case FORM_KEY_SPACE:
        return form_is_field(form, form->focus) || form->focus == FORM_LIST ? FORM_SAME
                                                                            : press(form, form->focus);
    case FORM_KEY_ESCAPE:
        return form_has(form, FORM_LEAVE) ? FORM_LEFT : FORM_SAME;
    case FORM_KEY_UP:
    case FORM_KEY_DOWN:
        if (form->focus == FORM_LIST)
            break;
        return focus_step(form, key == FORM_KEY_DOWN ? 1 : FORM_PART_COUNT - 1);
    case FORM_KEY_PAGE_UP:
    case FORM_KEY_PAGE_DOWN:
    case FORM_KEY_BACKSPACE:
    case FORM_KEY_DELETE:
    case FORM_KEY_LEFT:
    case FORM_KEY_RIGHT:
    case FORM_KEY_HOME:
    case FORM_KEY_END:
    case FORM_KEY_CLEAR:
        break;
    }
    if (form->focus == FORM_LIST)
        return list_key(&form->list, key);
    return form_is_field(form, form->focus) ? field_key(&form->fields[form->focus], key) : FORM_SAME;
}

enum form_outcome form_click(struct form *form, enum form_part part, size_t at)
{
    if (form->sent && part != FORM_LEAVE)
        return FORM_SAME;
    if (form_is_field(form, part)) {
        struct form_field *field = &form->fields[part];
        enum form_outcome focused = focus_set(form, part), moved;
        while (at > 0 && (at > strlen(field->text) || is_continuation(field->text[at])))
            at--;
        moved = caret_move(field, at);
        return focused == FORM_SAME ? moved : focused;
    }
    if (!takes_focus(form, part) || part == FORM_LIST)
        return FORM_SAME;
    form->focus = part;
    return press(form, part);
}

enum form_outcome form_pick(struct form *form, unsigned row, bool twice)
{
    if (form->sent || !form_has(form, FORM_LIST) || row >= form->list.count || !form->list.open[row])
        return FORM_SAME;
    enum form_outcome focused = focus_set(form, FORM_LIST), chosen = row_choose(&form->list, row);
    if (twice)
        return submit(form);
    return focused == FORM_SAME ? chosen : focused;
}

/* ---- characters ---- */

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

size_t form_offset(const struct form_field *field, size_t character)
{
    size_t n = 0, i = 0;
    for (; field->text[i]; i++)
        if (!is_continuation(field->text[i]) && n++ == character)
            break;
    return i;
}
