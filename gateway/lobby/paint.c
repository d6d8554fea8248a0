#include "paint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pango/pangocairo.h>

#include "banner_paint.h"
#include "page.h"

struct paint {
    cairo_surface_t *surface;
    cairo_t *cairo;
    PangoLayout *text;
};

struct colour {
    double red, green, blue;
};

#define RGB(hex)                                                                                             \
    {                                                                                                        \
        ((hex) >> 16 & 0xff) / 255.0, ((hex) >> 8 & 0xff) / 255.0, ((hex)&0xff) / 255.0                      \
    }

static const struct colour sky = RGB(0x2a3f5c), ground = RGB(0x16212f), paper = RGB(0xffffff),
                           shadow = RGB(0x101823), ink = RGB(0x1c2733), grey = RGB(0x5d6b7a),
                           line = RGB(0xb6c0cb), accent = RGB(0x1f6fb2), pale = RGB(0xe3e9ef),
                           wrong = RGB(0xb3261e), amber = RGB(0x8a5a00), chosen = RGB(0xe4f0fa),
                           faint = RGB(0x75818e), green = RGB(0x1f7a43);

#define FONT "Sans"
#define PASSWORD_DOT "\xe2\x97\x8f"

/* ---- shapes ---- */

static void colour_set(struct paint *p, struct colour c)
{
    cairo_set_source_rgb(p->cairo, c.red, c.green, c.blue);
}

static void rounded(struct paint *p, const struct rect *r, double radius)
{
    const double quarter = 1.5707963267948966;
    cairo_t *c = p->cairo;
    cairo_new_sub_path(c);
    cairo_arc(c, r->x + r->width - radius, r->y + radius, radius, -quarter, 0);
    cairo_arc(c, r->x + r->width - radius, r->y + r->height - radius, radius, 0, quarter);
    cairo_arc(c, r->x + radius, r->y + r->height - radius, radius, quarter, 2 * quarter);
    cairo_arc(c, r->x + radius, r->y + radius, radius, 2 * quarter, 3 * quarter);
    cairo_close_path(c);
}

static void fill(struct paint *p, const struct rect *r, double radius, struct colour c)
{
    colour_set(p, c);
    rounded(p, r, radius);
    cairo_fill(p->cairo);
}

static void outline(struct paint *p, const struct rect *r, double radius, double width, struct colour c)
{
    const struct rect inner = {
        .x = r->x + width / 2, .y = r->y + width / 2, .width = r->width - width, .height = r->height - width};
    colour_set(p, c);
    cairo_set_line_width(p->cairo, width);
    rounded(p, &inner, radius);
    cairo_stroke(p->cairo);
}

/* ---- text ---- */

struct text_style {
    double size; /* units */
    bool bold, wraps, centred, right;
    struct colour colour;
};

static void text_set(struct paint *p, const struct scene *s, const struct rect *r, const char *words,
                     const struct text_style *style)
{
    PangoFontDescription *font = pango_font_description_from_string(FONT);
    pango_font_description_set_absolute_size(font, style->size * s->layout.unit * PANGO_SCALE);
    pango_font_description_set_weight(font, style->bold ? PANGO_WEIGHT_BOLD : PANGO_WEIGHT_NORMAL);
    pango_layout_set_font_description(p->text, font);
    pango_font_description_free(font);
    pango_layout_set_width(p->text, (int)(r->width * PANGO_SCALE));
    pango_layout_set_height(p->text, style->wraps ? (int)(r->height * PANGO_SCALE) : 0);
    pango_layout_set_wrap(p->text, PANGO_WRAP_WORD_CHAR);
    pango_layout_set_ellipsize(p->text, PANGO_ELLIPSIZE_END);
    pango_layout_set_alignment(p->text, style->centred ? PANGO_ALIGN_CENTER
                                        : style->right ? PANGO_ALIGN_RIGHT
                                                       : PANGO_ALIGN_LEFT);
    pango_layout_set_text(p->text, words, -1);
}

static void text(struct paint *p, const struct scene *s, const struct rect *r, const char *words,
                 const struct text_style *style)
{
    int height;
    text_set(p, s, r, words, style);
    pango_layout_get_pixel_size(p->text, NULL, &height);
    double y = style->wraps ? r->y : r->y + (r->height - height) / 2;
    colour_set(p, style->colour);
    cairo_move_to(p->cairo, r->x, (double)(long)y);
    pango_cairo_show_layout(p->cairo, p->text);
}

/* ---- parts ---- */

static void background(struct paint *p, const struct scene *s)
{
    const struct layout *l = &s->layout;
    cairo_pattern_t *fade = cairo_pattern_create_linear(0, 0, 0, l->screen.height);
    cairo_pattern_add_color_stop_rgb(fade, 0, sky.red, sky.green, sky.blue);
    cairo_pattern_add_color_stop_rgb(fade, 1, ground.red, ground.green, ground.blue);
    cairo_set_source(p->cairo, fade);
    cairo_paint(p->cairo);
    cairo_pattern_destroy(fade);
    struct rect under = l->card;
    under.y += 4 * l->unit;
    fill(p, &under, 14 * l->unit, shadow);
    fill(p, &l->card, 12 * l->unit, paper);
}

/* The mark: a reading desk under a lamp's light, in a rounded square; the name beside it. */
static void mark(struct paint *p, const struct scene *s)
{
    const struct rect *m = &s->layout.mark;
    double u = m->height / 44;
    struct rect box = {.x = m->x, .y = m->y, .width = m->height, .height = m->height};
    struct rect screen = {.x = box.x + 11 * u, .y = box.y + 10 * u, .width = 22 * u, .height = 14 * u};
    struct rect desk = {.x = box.x + 7 * u, .y = box.y + 27 * u, .width = 30 * u, .height = 3.5 * u};
    struct rect left = {.x = box.x + 9 * u, .y = box.y + 30 * u, .width = 3 * u, .height = 6 * u};
    struct rect right = {.x = box.x + 32 * u, .y = box.y + 30 * u, .width = 3 * u, .height = 6 * u};
    struct rect name = *m;
    name.x += m->height + 12 * s->layout.unit;
    name.width -= m->height + 12 * s->layout.unit;
    fill(p, &box, 10 * u, accent);
    fill(p, &screen, 2.5 * u, paper);
    fill(p, &desk, 1.2 * u, paper);
    fill(p, &left, 0, paper);
    fill(p, &right, 0, paper);
    text(p, s, &name, "Carrel", &(struct text_style){.size = 20, .bold = true, .colour = ink});
}

static void button(struct paint *p, const struct scene *s, enum form_part part, const char *words)
{
    double unit = s->layout.unit;
    const struct rect *r = &s->layout.parts[part];
    struct rect ring = {r->x - 3 * unit, r->y - 3 * unit, r->width + 6 * unit, r->height + 6 * unit};
    bool chief = part == FORM_GO || !form_has(&s->form, FORM_GO),
         off = part == FORM_GO && !form_can_go(&s->form);
    if (s->show.page == LOBBY_PAGE_WAIT)
        chief = false;
    if (s->form.focus == part)
        outline(p, &ring, 9 * unit, 2 * unit, accent);
    fill(p, r, 7 * unit, chief && !off ? accent : pale);
    text(p, s, r, words,
         &(struct text_style){.size = 15,
                              .bold = chief,
                              .centred = true,
                              .colour = off     ? faint
                                        : chief ? paper
                                                : ink});
}

/* ---- fields ---- */

/* What a field shows: a secret as dots. */
static void field_words(const struct form_field *field, bool secret, char ret[4 * FORM_FIELD_SIZE],
                        size_t *ret_caret)
{
    size_t before, count = form_characters(field, &before), at = 0;
    if (!secret) {
        strcpy(ret, field->text);
        *ret_caret = field->caret;
        return;
    }
    for (size_t i = 0; i < count; i++, at += sizeof PASSWORD_DOT - 1)
        memcpy(ret + at, PASSWORD_DOT, sizeof PASSWORD_DOT - 1);
    ret[at] = '\0';
    *ret_caret = before * (sizeof PASSWORD_DOT - 1);
}

/* A field's text as it stands in the picture. */
struct field_view {
    struct rect inside;
    double caret, shift; /* of the text to the left, so that its caret is inside */
    double caret_width;
    int height;
};

static void field_view(struct paint *p, const struct scene *s, enum form_part part, struct field_view *ret)
{
    char words[4 * FORM_FIELD_SIZE];
    size_t caret;
    double unit = s->layout.unit;
    const struct rect *r = &s->layout.parts[part];
    enum form_kind kind = s->form.spec->fields[part].kind;
    PangoRectangle strong;
    int width;
    *ret = (struct field_view){.inside = {r->x + 11 * unit, r->y, r->width - 22 * unit, r->height},
                               .caret_width = 2 * unit > 1 ? (double)(long)(1.5 * unit + 0.5) : 1};
    field_words(&s->form.fields[part], kind == FORM_SECRET, words, &caret);
    text_set(p, s, &ret->inside, words,
             &(struct text_style){.size = kind == FORM_SECRET   ? 13
                                          : kind == FORM_DIGITS ? 20
                                                                : 16});
    pango_layout_set_width(p->text, -1);
    pango_layout_set_ellipsize(p->text, PANGO_ELLIPSIZE_NONE);
    pango_layout_get_cursor_pos(p->text, (int)caret, &strong, NULL);
    pango_layout_get_pixel_size(p->text, &width, &ret->height);
    double at = (double)strong.x / PANGO_SCALE, room = ret->inside.width - ret->caret_width;
    ret->shift = at > room ? at - room : 0;
    ret->caret = ret->inside.x + at - ret->shift;
}

static void field_paint(struct paint *p, const struct scene *s, enum form_part part)
{
    struct field_view view;
    const struct rect *r = &s->layout.parts[part];
    double unit = s->layout.unit;
    field_view(p, s, part, &view);
    cairo_save(p->cairo);
    cairo_rectangle(p->cairo, view.inside.x, view.inside.y, view.inside.width, view.inside.height);
    cairo_clip(p->cairo);
    colour_set(p, ink);
    cairo_move_to(p->cairo, view.inside.x - view.shift, (double)(long)(r->y + (r->height - view.height) / 2));
    pango_cairo_show_layout(p->cairo, p->text);
    if (s->form.focus == part) {
        cairo_rectangle(p->cairo, (double)(long)view.caret, r->y + 9 * unit, view.caret_width,
                        r->height - 18 * unit);
        cairo_fill(p->cairo);
    }
    cairo_restore(p->cairo);
}

size_t paint_caret_at(struct paint *p, const struct scene *s, enum form_part part, double x)
{
    struct field_view view;
    int index, trailing;
    field_view(p, s, part, &view);
    (void)pango_layout_xy_to_index(p->text, (int)((x - view.inside.x + view.shift) * PANGO_SCALE), 0, &index,
                                   &trailing);
    const char *words = pango_layout_get_text(p->text);
    const char *at = g_utf8_offset_to_pointer(words + index, trailing);
    if (s->form.spec->fields[part].kind != FORM_SECRET)
        return (size_t)(at - words);
    return form_offset(&s->form.fields[part], (size_t)(at - words) / (sizeof PASSWORD_DOT - 1));
}

static void fields_paint(struct paint *p, const struct scene *s)
{
    const struct layout *l = &s->layout;
    const struct form_spec *spec = s->form.spec;
    for (unsigned i = 0; i < spec->field_count; i++) {
        bool focused = s->form.focus == i;
        text(p, s, &l->labels[i], spec->fields[i].label, &(struct text_style){.size = 13, .colour = grey});
        outline(p, &l->parts[i], 7 * l->unit, (focused ? 2 : 1) * l->unit, focused ? accent : line);
        field_paint(p, s, (enum form_part)i);
    }
    if (spec->field_count)
        text(p, s, &l->hint, scene_hint(s), &(struct text_style){.size = 13, .colour = amber});
}

/* ---- the list ---- */

static void row_status(const struct lobby_pool *pool, char *ret, size_t size, struct colour *ret_colour)
{
    *ret_colour = grey;
    if (!pool->open) {
        snprintf(ret, size, "closed");
        *ret_colour = faint;
    } else if (pool->current) {
        snprintf(ret, size, "your session");
        *ret_colour = accent;
    } else if (pool->ready) {
        snprintf(ret, size, "%u ready", pool->ready);
        *ret_colour = green;
    } else {
        snprintf(ret, size, "has to start");
    }
}

static void row_paint(struct paint *p, const struct scene *s, unsigned row, const struct rect *r)
{
    const struct lobby_pool *pool = &s->show.pools[row];
    double unit = s->layout.unit, status_width = 110 * unit;
    bool is_chosen = row == s->form.list.chosen;
    struct rect box = {r->x + 2 * unit, r->y + 2 * unit, r->width - 4 * unit, r->height - 4 * unit};
    struct rect name = {r->x + 14 * unit, r->y + 6 * unit, r->width - 28 * unit - status_width, 21 * unit};
    struct rect more = {name.x, r->y + 27 * unit, r->width - 28 * unit, 18 * unit};
    struct rect status = {name.x + name.width, name.y, status_width, name.height};
    const char *words = pool->open || !pool->reason[0] ? pool->description : pool->reason;
    struct colour colour;
    char state[32];
    row_status(pool, state, sizeof state, &colour);
    if (is_chosen)
        fill(p, &box, 6 * unit, chosen);
    if (is_chosen && s->form.focus == FORM_LIST)
        outline(p, &box, 6 * unit, 2 * unit, accent);
    if (!*words) { /* the name stands in the middle then */
        name.height = status.height = r->height - 12 * unit;
    }
    text(p, s, &name, pool->name,
         &(struct text_style){.size = 15, .bold = true, .colour = pool->open ? ink : faint});
    text(p, s, &status, state, &(struct text_style){.size = 13, .right = true, .colour = colour});
    text(p, s, &more, words, &(struct text_style){.size = 13, .colour = grey});
}

static void list_paint(struct paint *p, const struct scene *s)
{
    const struct rect *r = &s->layout.parts[FORM_LIST];
    const struct form_list *list = &s->form.list;
    double unit = s->layout.unit;
    bool scrolls = list->count > s->layout.rows;
    if (!s->layout.rows)
        return;
    outline(p, r, 8 * unit, unit > 1 ? unit : 1, line);
    for (unsigned i = 0; i < s->layout.rows && list->top + i < list->count; i++) {
        struct rect row = {r->x, r->y + i * s->layout.row_height, r->width - (scrolls ? 14 * unit : 0),
                           s->layout.row_height};
        row_paint(p, s, list->top + i, &row);
    }
    if (scrolls) {
        struct rect groove = {r->x + r->width - 11 * unit, r->y + 6 * unit, 5 * unit, r->height - 12 * unit};
        struct rect thumb = groove;
        double least = 24 * unit, height = groove.height * s->layout.rows / list->count;
        thumb.height = height < least ? least : height;
        thumb.y += (groove.height - thumb.height) * list->top / (list->count - s->layout.rows);
        fill(p, &groove, 2.5 * unit, pale);
        fill(p, &thumb, 2.5 * unit, faint);
    }
}

/* ---- wait and notice ---- */

static void session_paint(struct paint *p, const struct scene *s, const char *before)
{
    char words[128];
    if (!s->show.session[0])
        return;
    snprintf(words, sizeof words, "%s %s", before, s->show.session);
    text(p, s, &s->layout.session, words, &(struct text_style){.size = 12, .colour = grey});
}

static void wait_paint(struct paint *p, const struct scene *s, uint64_t now_ms)
{
    const struct layout *l = &s->layout;
    unsigned left_s = scene_left_s(s, now_ms);
    double percent = scene_percent(s, now_ms);
    char words[64] = "";
    fill(p, &l->bar, l->bar.height / 2, pale);
    struct rect done = l->bar;
    done.width = l->bar.width * percent / 100;
    if (done.width >= done.height)
        fill(p, &done, done.height / 2, accent);
    if (left_s > 90)
        snprintf(words, sizeof words, "about %u minutes", (left_s + 30) / 60);
    else if (left_s)
        snprintf(words, sizeof words, "about %u s", left_s);
    text(p, s, &l->left, words, &(struct text_style){.size = 13, .colour = grey});
    if (s->show.percent) {
        snprintf(words, sizeof words, "%.0f %%", percent);
        text(p, s, &l->percent, words, &(struct text_style){.size = 13, .right = true, .colour = grey});
    }
    session_paint(p, s, "Session");
}

static void page_paint(struct paint *p, const struct scene *s, uint64_t now_ms)
{
    bool bad;
    const char *words = scene_text(s, &bad);
    const struct form_spec *spec = s->form.spec;
    text(p, s, &s->layout.title, page_of(s->show.page)->title,
         &(struct text_style){.size = 22, .bold = true, .colour = ink});
    text(p, s, &s->layout.text, words,
         &(struct text_style){.size = 15, .wraps = true, .colour = bad ? wrong : ink});
    fields_paint(p, s);
    if (spec->has_list)
        list_paint(p, s);
    if (s->show.page == LOBBY_PAGE_WAIT)
        wait_paint(p, s, now_ms);
    if (s->show.page == LOBBY_PAGE_NOTICE)
        session_paint(p, s, "To quote when you ask for help:");
    if (spec->go)
        button(p, s, FORM_GO, spec->go);
    button(p, s, FORM_LEAVE, spec->leave);
}

/* The box that a message gets in a running session, too. */
static void message_paint(struct paint *p, const struct scene *s)
{
    struct banner_request request = {.width = s->width, .height = s->height, .scale = s->scale_percent};
    strcpy(request.text, s->show.message);
    banner_paint_onto(p->cairo, &request);
}

/* ---- the picture ---- */

int paint_create(struct paint **ret, unsigned width, unsigned height)
{
    struct paint *p = calloc(1, sizeof *p);
    if (!p)
        return CE_NOMEM;
    p->surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)((width + 3) & ~3u), (int)height);
    p->cairo = cairo_create(p->surface);
    p->text = pango_cairo_create_layout(p->cairo);
    if (cairo_status(p->cairo) != CAIRO_STATUS_SUCCESS) {
        paint_destroy(&p);
        return CE_NOMEM;
    }
    *ret = p;
    return 0;
}

void paint_destroy(struct paint **paint)
{
    struct paint *p = *paint;
    if (!p)
        return;
    g_object_unref(p->text);
    cairo_destroy(p->cairo);
    cairo_surface_destroy(p->surface);
    free(p);
    *paint = NULL;
}

void paint_scene(struct paint *paint, const struct scene *scene, uint64_t now_ms)
{
    background(paint, scene);
    mark(paint, scene);
    page_paint(paint, scene, now_ms);
    if (scene->show.message[0])
        message_paint(paint, scene);
    cairo_surface_flush(paint->surface);
}

const uint32_t *paint_pixels(const struct paint *paint)
{
    return (const uint32_t *)(const void *)cairo_image_surface_get_data(paint->surface);
}

unsigned paint_stride(const struct paint *paint)
{
    return (unsigned)cairo_image_surface_get_stride(paint->surface) / 4;
}

void paint_warm_up(void)
{
    static struct scene scene; /* large, and this runs once */
    const struct lobby_show show = {.page = LOBBY_PAGE_LOGIN};
    struct paint *paint;
    if (paint_create(&paint, 800, 600))
        return;
    scene_size(&scene, 800, 600, 100);
    scene_show(&scene, &show, 0);
    paint_scene(paint, &scene, 0);
    paint_destroy(&paint);
}
