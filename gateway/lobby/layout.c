#include "layout.h"

/* The design, in units. */
#define CARD_WIDTH 460.0
#define MARGIN 40.0
#define SCREEN_MARGIN 12.0
#define MARK_SIZE 44.0
#define TITLE_HEIGHT 34.0
#define TEXT_HEIGHT 44.0
#define LABEL_HEIGHT 20.0
#define FIELD_HEIGHT 38.0
#define BUTTON_HEIGHT 40.0
#define HINT_HEIGHT 20.0
#define BAR_HEIGHT 8.0
#define LINE_HEIGHT 20.0
#define GAP 12.0

/* Screens are looked at as a whole where the client says nothing about its scale. */
#define SCREEN_WIDTH 1280.0
#define SCREEN_HEIGHT 800.0
#define UNIT_MAX 5.0

static double height_of(enum lobby_page page)
{
    double head = MARGIN + MARK_SIZE + GAP + GAP + TITLE_HEIGHT + TEXT_HEIGHT;
    double foot = GAP + BUTTON_HEIGHT + MARGIN;
    switch (page) {
    case LOBBY_PAGE_FORM:
        return head + 2 * (LABEL_HEIGHT + FIELD_HEIGHT + GAP) + HINT_HEIGHT + foot;
    case LOBBY_PAGE_WAIT:
        return head + GAP + BAR_HEIGHT + GAP + LINE_HEIGHT + GAP + LINE_HEIGHT + foot;
    case LOBBY_PAGE_NOTICE:
        break;
    }
    return head + GAP + LINE_HEIGHT + GAP + foot;
}

static double smaller(double a, double b)
{
    return a < b ? a : b;
}

static double unit_of(enum lobby_page page, double width, double height, unsigned scale_percent)
{
    double unit = smaller(width / SCREEN_WIDTH, height / SCREEN_HEIGHT);
    double asked = scale_percent / 100.0, fit;
    if (unit < 1)
        unit = 1;
    if (unit < asked)
        unit = asked;
    fit = smaller(width / (CARD_WIDTH + 2 * SCREEN_MARGIN), height / (height_of(page) + 2 * SCREEN_MARGIN));
    return smaller(smaller(unit, UNIT_MAX), fit);
}

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

static void form_place(struct layout *l, double *y)
{
    for (unsigned i = 0; i < FORM_FIELD_COUNT; i++) {
        l->labels[i] = take(l, y, LABEL_HEIGHT);
        l->parts[i] = take(l, y, FIELD_HEIGHT);
        *y += GAP * l->unit;
    }
    l->hint = take(l, y, HINT_HEIGHT);
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

static void buttons_place(struct layout *l, enum lobby_page page, double *y)
{
    *y += GAP * l->unit;
    struct rect row = take(l, y, BUTTON_HEIGHT);
    l->parts[FORM_LEAVE] = row;
    l->parts[FORM_LEAVE].width = whole(0.36 * row.width);
    if (page != LOBBY_PAGE_FORM) {
        l->parts[FORM_LEAVE].x = row.x + row.width - l->parts[FORM_LEAVE].width;
        return;
    }
    l->parts[FORM_LOGIN] = row;
    l->parts[FORM_LOGIN].width = whole(row.width - l->parts[FORM_LEAVE].width - GAP * l->unit);
    l->parts[FORM_LEAVE].x = row.x + row.width - l->parts[FORM_LEAVE].width;
}

void layout_make(struct layout *ret, enum lobby_page page, unsigned width, unsigned height,
                 unsigned scale_percent)
{
    struct layout *l = ret;
    *l = (struct layout){.screen = {.width = width, .height = height}};
    l->unit = unit_of(page, width, height, scale_percent);
    l->card.width = whole(CARD_WIDTH * l->unit);
    l->card.height = whole(height_of(page) * l->unit);
    l->card.x = whole((width - l->card.width) / 2);
    l->card.y = whole((height - l->card.height) / 2);

    double y = l->card.y + MARGIN * l->unit;
    l->mark = take(l, &y, MARK_SIZE);
    y += 2 * GAP * l->unit;
    l->title = take(l, &y, TITLE_HEIGHT);
    l->text = take(l, &y, TEXT_HEIGHT);
    if (page == LOBBY_PAGE_FORM) {
        form_place(l, &y);
    } else if (page == LOBBY_PAGE_WAIT) {
        wait_place(l, &y);
    } else {
        y += GAP * l->unit;
        l->session = take(l, &y, LINE_HEIGHT);
        y += GAP * l->unit;
    }
    buttons_place(l, page, &y);
}

bool layout_hit(const struct layout *layout, enum lobby_page page, double x, double y, enum form_part *ret)
{
    unsigned first = page == LOBBY_PAGE_FORM ? FORM_USER : FORM_LEAVE;
    for (unsigned i = first; i < FORM_PART_COUNT; i++) {
        const struct rect *r = &layout->parts[i];
        if (x >= r->x && x < r->x + r->width && y >= r->y && y < r->y + r->height) {
            *ret = (enum form_part)i;
            return true;
        }
    }
    return false;
}
