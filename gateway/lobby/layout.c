#include "layout.h"

#include <string.h>

#include "page.h"

/* The design, in units. */
#define CARD_WIDTH 460.0
#define LIST_CARD_WIDTH 560.0
#define MARGIN 40.0
#define SCREEN_MARGIN 12.0
#define MARK_SIZE 44.0
#define TITLE_HEIGHT 38.0
#define TEXT_LINE_HEIGHT 20.0
#define LABEL_HEIGHT 20.0
#define FIELD_HEIGHT 38.0
#define BUTTON_HEIGHT 40.0
#define HINT_HEIGHT 20.0
#define BAR_HEIGHT 8.0
#define LINE_HEIGHT 20.0
#define ROW_HEIGHT 52.0
#define GAP 12.0

/* Screens are looked at as a whole where the client says nothing about its scale. */
#define SCREEN_WIDTH 1280.0
#define SCREEN_HEIGHT 800.0
#define UNIT_MAX 5.0

enum {
    ROWS_MIN = 3, /* what a long list keeps before the picture gets smaller than asked for */
    ROWS_MAX = 6,
    LINES_MAX = 8,
    /* Of text under the title, in letters of common width: a little less than the fonts give room for. */
    COLUMNS = 44,
    LIST_COLUMNS = 56,
};

static double smaller(double a, double b)
{
    return a < b ? a : b;
}

/* ---- how much room is needed ---- */

static unsigned wide_columns(const char *text, size_t len)
{
    unsigned n = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if ((c & 0xc0) != 0x80)
            n += c >= 0xe1 ? 2 : 1; /* first bytes of U+1000 and above: mostly scripts with wide letters */
    }
    return n;
}

/* Words as they fall into lines; a word that is longer than one is broken. */
static unsigned lines_of(const char *text, unsigned columns)
{
    unsigned lines = 1, at = 0;
    while (*text) {
        size_t len = strcspn(text, " ");
        unsigned width = wide_columns(text, len);
        if (at && at + 1 + width > columns) {
            lines++;
            at = 0;
        }
        at += at ? 1 + width : width;
        while (at > columns) {
            lines++;
            at -= columns;
        }
        text += len;
        text += strspn(text, " ");
    }
    return lines < LINES_MAX ? lines : LINES_MAX;
}

struct sizes {
    double width, height, text;
    unsigned rows;
};

static double body_height(const struct layout_wish *wish, unsigned rows)
{
    const struct form_spec *spec = &page_of(wish->page)->form;
    double height = spec->field_count * (LABEL_HEIGHT + FIELD_HEIGHT + GAP);
    if (spec->field_count)
        height += HINT_HEIGHT;
    if (spec->has_list)
        height += rows * ROW_HEIGHT + GAP;
    if (wish->page == LOBBY_PAGE_WAIT)
        height += GAP + BAR_HEIGHT + GAP + LINE_HEIGHT + GAP + LINE_HEIGHT;
    if (wish->page == LOBBY_PAGE_NOTICE)
        height += LINE_HEIGHT + GAP;
    return height;
}

static void sizes_make(struct sizes *ret, const struct layout_wish *wish, unsigned rows)
{
    bool has_list = page_of(wish->page)->form.has_list;
    unsigned lines = lines_of(wish->text, has_list ? LIST_COLUMNS : COLUMNS);
    ret->rows = rows;
    ret->width = has_list ? LIST_CARD_WIDTH : CARD_WIDTH;
    ret->text = lines * TEXT_LINE_HEIGHT;
    ret->height = MARGIN + MARK_SIZE + 2 * GAP + TITLE_HEIGHT + ret->text + GAP + body_height(wish, rows) +
                  GAP + BUTTON_HEIGHT + MARGIN;
}

static double unit_fits(const struct sizes *sizes, double width, double height)
{
    return smaller(width / (sizes->width + 2 * SCREEN_MARGIN), height / (sizes->height + 2 * SCREEN_MARGIN));
}

static double unit_asked(double width, double height, unsigned scale_percent)
{
    double unit = smaller(width / SCREEN_WIDTH, height / SCREEN_HEIGHT), asked = scale_percent / 100.0;
    if (unit < 1)
        unit = 1;
    return smaller(unit < asked ? asked : unit, UNIT_MAX);
}

/* ---- places ---- */

static double whole(double x)
{
    return (double)(long)(x + 0.5);
}

/* Takes HEIGHT units from the top of what is left of the card. */
static struct rect take(struct layout *l, double *y, double height)
{
    struct rect r = {.x = whole(l->card.x + MARGIN * l->unit),
                     .y = whole(*y),
                     .width = whole(l->card.width - 2 * MARGIN * l->unit),
                     .height = whole(height * l->unit)};
    *y += height * l->unit;
    return r;
}

static void form_place(struct layout *l, const struct form_spec *spec, double *y)
{
    for (unsigned i = 0; i < spec->field_count; i++) {
        l->labels[i] = take(l, y, LABEL_HEIGHT);
        l->parts[i] = take(l, y, FIELD_HEIGHT);
        *y += GAP * l->unit;
    }
    if (spec->field_count)
        l->hint = take(l, y, HINT_HEIGHT);
    if (spec->has_list) {
        l->row_height = whole(ROW_HEIGHT * l->unit);
        l->parts[FORM_LIST] = take(l, y, l->rows * ROW_HEIGHT);
        l->parts[FORM_LIST].height = l->rows * l->row_height;
        *y += GAP * l->unit;
    }
}

static void wait_place(struct layout *l, double *y)
{
    *y += GAP * l->unit;
    l->bar = take(l, y, BAR_HEIGHT);
    *y += GAP * l->unit;
    l->left = l->percent = take(l, y, LINE_HEIGHT);
    *y += GAP * l->unit;
    l->session = take(l, y, LINE_HEIGHT);
}

/* What goes on stands to the left, as one reads; what leaves to the right. */
static void buttons_place(struct layout *l, const struct form_spec *spec, double *y)
{
    *y += GAP * l->unit;
    struct rect row = take(l, y, BUTTON_HEIGHT);
    l->parts[FORM_LEAVE] = row;
    l->parts[FORM_LEAVE].width = whole(137 * l->unit);
    l->parts[FORM_LEAVE].x = row.x + row.width - l->parts[FORM_LEAVE].width;
    if (spec->go) {
        l->parts[FORM_GO] = row;
        l->parts[FORM_GO].width = whole(row.width - l->parts[FORM_LEAVE].width - GAP * l->unit);
    }
}

void layout_make(struct layout *ret, const struct layout_wish *wish, unsigned width, unsigned height,
                 unsigned scale_percent)
{
    struct layout *l = ret;
    struct sizes sizes;
    const struct form_spec *spec = &page_of(wish->page)->form;
    double asked = unit_asked(width, height, scale_percent);
    sizes_make(&sizes, wish, wish->rows < ROWS_MAX ? wish->rows : ROWS_MAX);
    asked = smaller(asked, unit_fits(&(struct sizes){.width = sizes.width}, width, height));
    while (sizes.rows > ROWS_MIN && unit_fits(&sizes, width, height) < asked)
        sizes_make(&sizes, wish, sizes.rows - 1);
    *l = (struct layout){.screen = {.width = width, .height = height}, .rows = sizes.rows};
    l->unit = smaller(asked, unit_fits(&sizes, width, height));
    l->card.width = whole(sizes.width * l->unit);
    l->card.height = whole(sizes.height * l->unit);
    l->card.x = whole((width - l->card.width) / 2);
    l->card.y = whole((height - l->card.height) / 2);

    double y = l->card.y + MARGIN * l->unit;
    l->mark = take(l, &y, MARK_SIZE);
    y += 2 * GAP * l->unit;
    l->title = take(l, &y, TITLE_HEIGHT);
    l->text = take(l, &y, sizes.text);
    y += GAP * l->unit;
    form_place(l, spec, &y);
    if (wish->page == LOBBY_PAGE_WAIT)
        wait_place(l, &y);
    if (wish->page == LOBBY_PAGE_NOTICE) {
        l->session = take(l, &y, LINE_HEIGHT);
        y += GAP * l->unit;
    }
    buttons_place(l, spec, &y);
}

bool layout_hit(const struct layout *layout, const struct form *form, double x, double y, enum form_part *ret)
{
    for (unsigned i = 0; i < FORM_PART_COUNT; i++) {
        const struct rect *r = &layout->parts[i];
        if (form_has(form, (enum form_part)i) && x >= r->x && x < r->x + r->width && y >= r->y &&
            y < r->y + r->height) {
            *ret = (enum form_part)i;
            return true;
        }
    }
    return false;
}

unsigned layout_row(const struct layout *layout, double y)
{
    double from = y - layout->parts[FORM_LIST].y;
    return from > 0 && layout->row_height > 0 ? (unsigned)(from / layout->row_height) : 0;
}
