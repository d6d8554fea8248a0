#include "table.h"

#include <ctype.h>
#include <libsmartcols.h>
#include <string.h>
#include <time.h>

#include "api.h"

#define COLUMNS_MAX 24

struct selection {
    const struct field *fields[COLUMNS_MAX];
    unsigned count;
};

static int refuse_column(struct ctl *ctl, const struct field *fields, const char *name, size_t len)
{
    char known[400];
    size_t n = 0;
    for (const struct field *f = fields; f->name && n < sizeof known; f++) {
        if (!(f->place & FIELD_SHOW_ONLY))
            n += (size_t)snprintf(known + n, sizeof known - n, "%s%s", n ? ", " : "", f->name);
    }
    return ctl_fail(ctl, CTL_USAGE, "there is no column '%.*s'; there are %s", (int)len, name, known);
}

static int select_columns(struct ctl *ctl, const struct field *fields, struct selection *ret)
{
    struct selection s = {.count = 0};
    bool all = ctl->columns && !strcmp(ctl->columns, "all");
    if (!ctl->columns || all) {
        for (const struct field *f = fields; f->name && s.count < COLUMNS_MAX; f++) {
            if (!(f->place & FIELD_SHOW_ONLY) && (all || !(f->place & FIELD_HIDDEN)))
                s.fields[s.count++] = f;
        }
        *ret = s;
        return CTL_OK;
    }
    for (const char *at = ctl->columns; at; at = strchr(at, ',')) {
        at += *at == ',';
        size_t len = strcspn(at, ",");
        const struct field *f = field_find(fields, at, len);
        if (!f || (f->place & FIELD_SHOW_ONLY))
            return refuse_column(ctl, fields, at, len);
        if (s.count == COLUMNS_MAX)
            return ctl_fail(ctl, CTL_USAGE, "--columns takes at most %d names", COLUMNS_MAX);
        s.fields[s.count++] = f;
    }
    *ret = s;
    return CTL_OK;
}

static bool add_columns(struct libscols_table *table, const struct selection *s)
{
    for (unsigned i = 0; i < s->count; i++) {
        const struct field *f = s->fields[i];
        char heading[64];
        size_t n = 0;
        for (; f->name[n] && n + 1 < sizeof heading; n++)
            heading[n] = (char)toupper((unsigned char)f->name[n]);
        heading[n] = '\0';
        int flags =
            (f->place & FIELD_RIGHT ? SCOLS_FL_RIGHT : 0) | (f->place & FIELD_CUT ? SCOLS_FL_TRUNC : 0);
        if (!scols_table_new_column(table, heading, 0, flags))
            return false;
    }
    return true;
}

static bool add_line(struct libscols_table *table, const struct selection *s, const json_t *item,
                     bool colours)
{
    struct libscols_line *line = scols_table_new_line(table, NULL);
    long long now_s = (long long)time(NULL);
    for (unsigned i = 0; line && i < s->count; i++) {
        char text[FIELD_TEXT_SIZE];
        field_format(s->fields[i], item, false, now_s, text, sizeof text);
        if (scols_line_set_data(line, i, *text ? text : "-"))
            return false;
        const char *colour = s->fields[i]->kind == FIELD_STATE ? field_state_colour(text) : NULL;
        if (colours && colour)
            scols_cell_set_color(scols_line_get_cell(line, i), colour);
    }
    return line;
}

int table_print(struct ctl *ctl, const struct field *fields, const json_t *items)
{
    struct selection s;
    int rc = select_columns(ctl, fields, &s);
    if (rc)
        return rc;
    struct libscols_table *table = scols_new_table();
    if (!table)
        return ctl_fail(ctl, CTL_FAILED, "out of memory");

    const char *no_color = getenv("NO_COLOR");
    bool colours = ctl->out_tty && !(no_color && *no_color);
    bool ok = !scols_table_set_stream(table, ctl->out);
    scols_table_enable_noheadings(table, ctl->no_headings);
    scols_table_enable_colors(table, colours);
    /* A file or a pipe gets whole lines, however long. */
    if (!ctl->out_tty)
        scols_table_set_termforce(table, SCOLS_TERMFORCE_NEVER);
    ok = ok && add_columns(table, &s);
    for (size_t i = 0; ok && i < json_array_size(items); i++)
        ok = add_line(table, &s, json_array_get(items, i), colours);
    ok = ok && scols_print_table(table) == 0;
    scols_unref_table(table);
    return ok ? CTL_OK : ctl_fail(ctl, CTL_FAILED, "the table cannot be printed");
}

static void put_title(const struct field *f, char *text, size_t size)
{
    snprintf(text, size, "%s:", f->title ? f->title : f->name);
    text[0] = (char)toupper((unsigned char)text[0]);
}

void table_show(struct ctl *ctl, const struct field *fields, const json_t *object)
{
    char title[80], text[FIELD_TEXT_SIZE];
    long long now_s = (long long)time(NULL);
    int width = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (const struct field *f = fields; f->name; f++) {
            if (f->place & FIELD_LIST_ONLY)
                continue;
            field_format(f, object, true, now_s, text, sizeof text);
            put_title(f, title, sizeof title);
            if (!*text)
                continue;
            if (pass)
                fprintf(ctl->out, "%-*s  %s\n", width, title, text);
            else if ((int)strlen(title) > width)
                width = (int)strlen(title);
        }
    }
}

int table_list_path(struct ctl *ctl, const char *path, const struct field *fields, const char *empty)
{
    CLEANUP_JSON json_t *answer = NULL;
    /* A wrong --columns is told before the broker is asked. */
    struct selection s;
    int rc = select_columns(ctl, fields, &s);
    if (!rc)
        rc = api_call(ctl, "GET", path, NULL, &answer);
    if (rc)
        return rc;
    const json_t *items = json_object_get(answer, "items");
    if (!json_is_array(items))
        return ctl_fail(ctl, CTL_FAILED, "the answer to GET %s is no list", path);
    if (ctl->json) {
        ctl_print_json(ctl, answer);
        return CTL_OK;
    }
    if (!json_array_size(items) && ctl->out_tty && empty) {
        fprintf(ctl->out, "%s\n", empty);
        return CTL_OK;
    }
    return table_print(ctl, fields, items);
}

int table_show_path(struct ctl *ctl, const char *path, const struct field *fields)
{
    CLEANUP_JSON json_t *answer = NULL;
    int rc = api_call(ctl, "GET", path, NULL, &answer);
    if (rc)
        return rc;
    if (ctl->json)
        ctl_print_json(ctl, answer);
    else
        table_show(ctl, fields, answer);
    return CTL_OK;
}
