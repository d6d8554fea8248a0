#include "scene.h"

#include <string.h>

enum { PERCENT_UNTIL_READY = 99 }; /* 100 is for the gateway to say */

static void place(struct scene *scene)
{
    layout_make(&scene->layout, scene->show.page, scene->width, scene->height, scene->scale_percent);
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
    if (show->page != LOBBY_PAGE_FORM)
        form_wipe(&scene->form);
    else if (scene->show.page != LOBBY_PAGE_FORM || show->bad)
        form_begin(&scene->form, show->user);
    scene->show = *show;
    scene->shown_ms = now_ms;
    place(scene);
}

enum form_outcome scene_type(struct scene *scene, const char *text)
{
    return scene->show.page == LOBBY_PAGE_FORM ? form_type(&scene->form, text) : FORM_SAME;
}

/* While a desktop starts only Escape leaves: who hits Enter out of impatience shall not lose the place. */
enum form_outcome scene_key(struct scene *scene, enum form_key key)
{
    if (scene->show.page == LOBBY_PAGE_FORM)
        return form_key(&scene->form, key);
    bool agrees = key == FORM_KEY_ENTER || key == FORM_KEY_SPACE;
    return key == FORM_KEY_ESCAPE || (agrees && scene->show.page == LOBBY_PAGE_NOTICE) ? FORM_LEFT
                                                                                       : FORM_SAME;
}

enum form_outcome scene_click(struct scene *scene, double x, double y)
{
    enum form_part part;
    if (!layout_hit(&scene->layout, scene->show.page, x, y, &part))
        return FORM_SAME;
    return scene->show.page == LOBBY_PAGE_FORM ? form_click(&scene->form, part) : FORM_LEFT;
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
