#include "scene.h"

#include <string.h>

#include "page.h"

enum {
    PERCENT_UNTIL_READY = 99, /* 100 is for the gateway to say */
    DOUBLE_CLICK_MS = 500,
};

static void place(struct scene *scene)
{
    bool bad;
    if (!scene->width)
        return; /* the client's screen is not known yet */
    const struct layout_wish wish = {
        .page = scene->show.page, .rows = scene->form.list.count, .text = scene_text(scene, &bad)};
    layout_make(&scene->layout, &wish, scene->width, scene->height, scene->scale_percent);
    form_list_show(&scene->form, scene->layout.rows);
}

void scene_size(struct scene *scene, unsigned width, unsigned height, unsigned scale_percent)
{
    scene->width = width;
    scene->height = height;
    scene->scale_percent = scale_percent;
    place(scene);
}

void scene_show(struct scene *scene, const struct lobby_show *show, uint64_t now_ms)
{
    struct form_list list;
    bool begins = !scene->form.spec || scene->show.page != show->page || show->bad || scene->form.sent;
    page_list(show, &list);
    scene->show = *show;
    scene->shown_ms = now_ms;
    if (begins) {
        form_begin(&scene->form, &page_of(show->page)->form, show->user, &list);
        scene->different = false;
        scene->explained = 0;
        scene->clicked_ms = 0;
    }
    place(scene);
}

static enum form_outcome note(struct scene *scene, enum form_outcome outcome)
{
    bool different = outcome == FORM_DIFFERENT || (outcome == FORM_SAME && scene->different);
    if (different != scene->different || (scene->explained && outcome != FORM_SAME)) {
        scene->different = different;
        scene->explained = 0;
        place(scene);
    }
    return outcome;
}

enum form_outcome scene_type(struct scene *scene, const char *text)
{
    return note(scene, form_type(&scene->form, text));
}

enum form_outcome scene_key(struct scene *scene, enum form_key key)
{
    return note(scene, form_key(&scene->form, key));
}

enum form_outcome scene_click(struct scene *scene, double x, double y, size_t at, uint64_t now_ms)
{
    enum form_part part;
    if (!layout_hit(&scene->layout, &scene->form, x, y, &part))
        return FORM_SAME;
    if (part != FORM_LIST)
        return note(scene, form_click(&scene->form, part, at));
    unsigned row = scene->form.list.top + layout_row(&scene->layout, y);
    bool twice =
        scene->clicked_ms && row == scene->clicked_row && now_ms - scene->clicked_ms < DOUBLE_CLICK_MS;
    scene->clicked_row = row;
    scene->clicked_ms = now_ms;
    if (row < scene->show.pool_count && !scene->show.pools[row].open) {
        scene->explained = row + 1;
        place(scene);
        return FORM_CHANGED;
    }
    return note(scene, form_pick(&scene->form, row, twice));
}

enum form_outcome scene_wheel(struct scene *scene, int rows)
{
    return form_scroll(&scene->form, rows);
}

const char *scene_text(const struct scene *scene, bool *ret_bad)
{
    *ret_bad = scene->show.bad || scene->different;
    if (scene->different)
        return "The two passwords are not the same. Type the second one again.";
    if (scene->explained && scene->show.pools[scene->explained - 1].reason[0])
        return scene->show.pools[scene->explained - 1].reason;
    return scene->show.text[0] ? scene->show.text : page_of(scene->show.page)->text;
}

const char *scene_hint(const struct scene *scene)
{
    const struct form *form = &scene->form;
    bool secret = form->spec && (unsigned)form->focus < form->spec->field_count &&
                  form->spec->fields[form->focus].kind == FORM_SECRET;
    return secret && scene->caps_lock ? "Caps Lock is on." : "";
}

unsigned scene_left_s(const struct scene *scene, uint64_t now_ms)
{
    uint64_t passed_s = (now_ms - scene->shown_ms) / 1000;
    if (!scene->show.seconds)
        return 0;
    return passed_s + 1 < scene->show.seconds ? scene->show.seconds - (unsigned)passed_s : 1;
}

double scene_percent(const struct scene *scene, uint64_t now_ms)
{
    double percent = scene->show.percent;
    if (!scene->show.seconds || percent >= PERCENT_UNTIL_READY)
        return percent;
    double passed = (double)(now_ms - scene->shown_ms) / (scene->show.seconds * 1000.0);
    percent += (100 - percent) * passed;
    return percent < PERCENT_UNTIL_READY ? percent : PERCENT_UNTIL_READY;
}
