#include "peer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <freerdp/crypto/certificate.h>
#include <freerdp/freerdp.h>
#include <freerdp/input.h>
#include <freerdp/peer.h>
#include <freerdp/pointer.h>
#include <freerdp/transport_io.h>
#include <freerdp/update.h>
#include <winpr/synch.h>
#include <winpr/wlog.h>

#include "bitmap_rle.h"
#include "keyboard.h"
#include "paint.h"
#include "scene.h"
#include "tiles.h"

enum {
    TICK_MS = 500, /* the bar moves, the seconds count */
    HANDLES_MAX = 32,
    COLOUR_DEPTH = 24, /* at most; a client may ask for 15 or 16 */
    SCREEN_MIN = 200,  /* pixels; the form is not readable below */
    SCREEN_MAX = 8192,
    SCALE_MIN = 100,
    SCALE_MAX = 500,
};

/* FreeRDP asks for a certificate before it listens to a client. Nothing is encrypted with this one, which
 * belongs to nobody: the gateway ends TLS, and the stream to here stays inside the machine. */
static const char certificate_pem[] = "-----BEGIN CERTIFICATE-----\n"
                                      "MIIBhTCCASugAwIBAgIUdvsFzj5+ljSyuMnrW+OlrbUcI6cwCgYIKoZIzj0EAwIw\n"
                                      "FzEVMBMGA1UEAwwMY2FycmVsLWxvYmJ5MCAXDTI2MTEyNTAzNTcyNFoYDzIxMjYx\n"
                                      "MTAxMDM1NzI0WjAXMRUwEwYDVQQDDAxjYXJyZWwtbG9iYnkwWTATBgcqhkjOPQIB\n"
                                      "BggqhkjOPQMBBwNCAATqvVgBxM5tbJv27EhNsfNchqZc/E4uE4Dyt0NArA29IieE\n"
                                      "p4RP8OBmXL2dfTRLUwTigfkjO9FBieaPyaNabnfZo1MwUTAdBgNVHQ4EFgQUkfqJ\n"
                                      "pzSECfSth1nleB+/F1x4pN4wHwYDVR0jBBgwFoAUkfqJpzSECfSth1nleB+/F1x4\n"
                                      "pN4wDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiEA7rR+Br2IuW/i\n"
                                      "GS8uzXzzHrhPreEXE2q06XlT8a4lhaACIG20CtK5is+sozICy4MfxitwbWM0t59r\n"
                                      "yiKVXyD2M3Xs\n"
                                      "-----END CERTIFICATE-----\n";

struct visit {
    rdpContext context; /* FreeRDP's; must be the first member */
    int control;
    bool active, over, shown;
    struct scene scene;
    struct paint *paint;
    struct tiles tiles;
    struct keyboard *keyboard;
    BYTE bitmap[BITMAP_RLE_MAX_BYTES];
};

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- pictures ---- */

static BOOL tile_send(struct visit *v, const struct tile *tile)
{
    rdpUpdate *update = v->context.update;
    UINT32 depth = freerdp_settings_get_uint32(v->context.settings, FreeRDP_ColorDepth);
    UINT32 width = (tile->width + 3) & ~3u; /* some clients shear other widths; the rows have room */
    const uint32_t *from = paint_pixels(v->paint) + (size_t)tile->y * paint_stride(v->paint) + tile->x;
    UINT32 bytes =
        (UINT32)bitmap_rle_encode(from, paint_stride(v->paint), width, tile->height, depth, v->bitmap);
    BITMAP_DATA data = {.destLeft = tile->x,
                        .destTop = tile->y,
                        .destRight = tile->x + tile->width - 1,
                        .destBottom = tile->y + tile->height - 1,
                        .width = width,
                        .height = tile->height,
                        .bitsPerPixel = depth,
                        .bitmapLength = bytes,
                        .cbCompMainBodySize = bytes,
                        .cbScanWidth = width * ((depth + 7) / 8),
                        .cbUncompressedSize = width * tile->height * ((depth + 7) / 8),
                        .bitmapDataStream = v->bitmap,
                        .compressed = TRUE};
    const BITMAP_UPDATE bitmap = {.number = 1, .rectangles = &data};
    return update->BitmapUpdate(&v->context, &bitmap);
}

static BOOL picture_send(struct visit *v)
{
    struct tile tile;
    if (!v->active || !v->shown)
        return TRUE;
    paint_scene(v->paint, &v->scene, now_ms());
    for (unsigned i = 0; i < tiles_count(&v->tiles); i++)
        if (tiles_changed(&v->tiles, i, paint_pixels(v->paint), paint_stride(v->paint), &tile) &&
            !tile_send(v, &tile))
            return FALSE;
    return TRUE;
}

/* ---- gateway ---- */

static void act_send(struct visit *v, const struct lobby_act *act)
{
    char bytes[LOBBY_MESSAGE_MAX_BYTES];
    size_t len;
    if (lobby_act_write(act, bytes, &len) || send(v->control, bytes, len, MSG_NOSIGNAL) != (ssize_t)len)
        v->over = true;
    secret_wipe_bytes(bytes, sizeof bytes);
}

static int answer_make(const struct visit *v, struct lobby_act *ret)
{
    const struct form *form = &v->scene.form;
    const struct lobby_show *show = &v->scene.show;
    const char *words = form->fields[FORM_FIRST].text;
    ret->did = LOBBY_DID_ANSWER;
    ret->page = show->page;
    if (show->page == LOBBY_PAGE_LOGIN) {
        ret->did = LOBBY_DID_LOGIN;
        strcpy(ret->user, words);
        words = form->fields[FORM_SECOND].text;
    } else if (form->spec->has_list) {
        words = show->pools[form->list.chosen].name;
    }
    return secret_set(&ret->secret, words, strlen(words));
}

static void form_send(struct visit *v)
{
    struct lobby_act act = {0};
    if (!answer_make(v, &act))
        act_send(v, &act);
    secret_wipe(&act.secret);
}

static BOOL outcome_handle(struct visit *v, enum form_outcome outcome)
{
    switch (outcome) {
    case FORM_SAME:
        return TRUE;
    case FORM_CHANGED:
    case FORM_DIFFERENT:
        break;
    case FORM_SENT:
        form_send(v);
        break;
    case FORM_LEFT:
        act_send(v, &(struct lobby_act){.did = LOBBY_DID_LEAVE});
        break;
    }
    return picture_send(v);
}

static bool control_read(struct visit *v)
{
    char bytes[LOBBY_MESSAGE_MAX_BYTES];
    struct lobby_show show;
    ssize_t n = recv(v->control, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (n <= 0 || lobby_show_read(bytes, (size_t)n, &show))
        return false;
    scene_show(&v->scene, &show, now_ms());
    v->shown = true;
    return picture_send(v);
}

/* ---- the client ---- */

/* Some clients tell of their lock keys before the session is active: the layout is known from the settings that
 * they began with, see on_capabilities(). */
static bool keyboard_have(struct visit *v)
{
    UINT32 layout = freerdp_settings_get_uint32(v->context.settings, FreeRDP_KeyboardLayout);
    return v->keyboard || keyboard_create(&v->keyboard, layout) == 0;
}

static BOOL stroke_handle(struct visit *v, const struct keyboard_stroke *stroke)
{
    bool caps = keyboard_has_caps_lock(v->keyboard), changed = caps != v->scene.caps_lock;
    enum form_outcome outcome = FORM_SAME;
    v->scene.caps_lock = caps;
    if (stroke->has_key)
        outcome = scene_key(&v->scene, stroke->key);
    else if (!strcmp(stroke->text, " "))
        outcome = scene_key(&v->scene, FORM_KEY_SPACE);
    if (outcome == FORM_SAME && stroke->text[0])
        outcome = scene_type(&v->scene, stroke->text);
    return outcome_handle(v, outcome == FORM_SAME && changed ? FORM_CHANGED : outcome);
}

static BOOL on_key(rdpInput *input, UINT16 flags, UINT8 code)
{
    struct visit *v = (struct visit *)input->context;
    struct keyboard_stroke stroke;
    if (!keyboard_have(v))
        return FALSE;
    keyboard_press(v->keyboard, code, (flags & KBD_FLAGS_EXTENDED) != 0, !(flags & KBD_FLAGS_RELEASE),
                   &stroke);
    BOOL ok = stroke_handle(v, &stroke);
    secret_wipe_bytes(&stroke, sizeof stroke);
    return ok;
}

static BOOL on_unicode(rdpInput *input, UINT16 flags, UINT16 unit)
{
    struct visit *v = (struct visit *)input->context;
    struct keyboard_stroke stroke;
    if (flags & KBD_FLAGS_RELEASE)
        return TRUE;
    if (!keyboard_have(v))
        return FALSE;
    keyboard_unicode(v->keyboard, unit, &stroke);
    BOOL ok = stroke_handle(v, &stroke);
    secret_wipe_bytes(&stroke, sizeof stroke);
    return ok;
}

static BOOL on_locks(rdpInput *input, UINT32 flags)
{
    struct visit *v = (struct visit *)input->context;
    const struct keyboard_stroke none = {0};
    if (!keyboard_have(v))
        return FALSE;
    keyboard_locks(v->keyboard, (flags & KBD_SYNC_CAPS_LOCK) != 0, (flags & KBD_SYNC_NUM_LOCK) != 0);
    return stroke_handle(v, &none);
}

static BOOL on_mouse(rdpInput *input, UINT16 flags, UINT16 x, UINT16 y)
{
    struct visit *v = (struct visit *)input->context;
    enum form_part part;
    size_t at = 0;
    if (!v->active || !v->shown)
        return TRUE;
    if (flags & PTR_FLAGS_WHEEL)
        return outcome_handle(v, scene_wheel(&v->scene, flags & PTR_FLAGS_WHEEL_NEGATIVE ? 1 : -1));
    if (!(flags & PTR_FLAGS_DOWN) || !(flags & PTR_FLAGS_BUTTON1))
        return TRUE;
    if (layout_hit(&v->scene.layout, &v->scene.form, x, y, &part) && form_is_field(&v->scene.form, part))
        at = paint_caret_at(v->paint, &v->scene, part, x);
    return outcome_handle(v, scene_click(&v->scene, x, y, at, now_ms()));
}

static BOOL on_refresh(rdpContext *context, BYTE count, const RECTANGLE_16 *areas)
{
    struct visit *v = (struct visit *)context;
    (void)count;
    (void)areas;
    if (v->tiles.sent)
        tiles_forget(&v->tiles);
    return picture_send(v);
}

static BOOL on_suppress(rdpContext *context, BYTE allow, const RECTANGLE_16 *area)
{
    return allow ? on_refresh(context, 0, area) : TRUE;
}

static UINT32 within(UINT32 value, UINT32 least, UINT32 most)
{
    return value < least ? least : value > most ? most : value;
}

static BOOL on_activate(freerdp_peer *peer)
{
    struct visit *v = (struct visit *)peer->context;
    const rdpSettings *settings = v->context.settings;
    UINT32 width = freerdp_settings_get_uint32(settings, FreeRDP_DesktopWidth);
    UINT32 height = freerdp_settings_get_uint32(settings, FreeRDP_DesktopHeight);
    UINT32 scale =
        within(freerdp_settings_get_uint32(settings, FreeRDP_DesktopScaleFactor), SCALE_MIN, SCALE_MAX);
    const POINTER_SYSTEM_UPDATE arrow = {.type = SYSPTR_DEFAULT};
    if (width < SCREEN_MIN || height < SCREEN_MIN || width > SCREEN_MAX || height > SCREEN_MAX)
        return FALSE;
    paint_destroy(&v->paint);
    tiles_finish(&v->tiles);
    if (paint_create(&v->paint, width, height) || tiles_init(&v->tiles, width, height))
        return FALSE;
    scene_size(&v->scene, width, height, scale);
    v->active = true;
    return v->context.update->pointer->PointerSystem(&v->context, &arrow) && picture_send(v);
}

/* The client's settings are known and its capabilities are not: some clients say US English among those, whatever
 * their keyboard is, and FreeRDP believes what was said last. */
static BOOL on_capabilities(freerdp_peer *peer)
{
    return keyboard_have((struct visit *)peer->context);
}

/* FreeRDP wants to be told that its client is welcome. */
static BOOL on_connected(freerdp_peer *peer)
{
    return keyboard_have((struct visit *)peer->context);
}

/* ---- life ---- */

/* The gateway has ended TLS; FreeRDP is told that it is done. */
static BOOL no_tls(rdpTransport *transport)
{
    (void)transport;
    return TRUE;
}

static BOOL settings_make(rdpSettings *settings)
{
    static const struct {
        FreeRDP_Settings_Keys_Bool key;
        BOOL value;
    } flags[] = {
        {FreeRDP_RdpSecurity, FALSE},
        {FreeRDP_TlsSecurity, TRUE},
        {FreeRDP_NlaSecurity, FALSE},
        {FreeRDP_SupportGraphicsPipeline, FALSE},
        {FreeRDP_RemoteFxCodec, FALSE},
        {FreeRDP_NSCodec, FALSE},
        {FreeRDP_RefreshRect, TRUE},
        {FreeRDP_SuppressOutput, TRUE},
        {FreeRDP_NetworkAutoDetect, FALSE},
        {FreeRDP_SupportHeartbeatPdu, FALSE},
        {FreeRDP_SupportMultitransport, FALSE},
        {FreeRDP_UnicodeInput, TRUE},
    };
    rdpCertificate *certificate = freerdp_certificate_new_from_pem(certificate_pem);
    if (!certificate ||
        !freerdp_settings_set_pointer_len(settings, FreeRDP_RdpServerCertificate, certificate, 1))
        return FALSE;
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        if (!freerdp_settings_set_bool(settings, flags[i].key, flags[i].value))
            return FALSE;
    return freerdp_settings_set_uint32(settings, FreeRDP_ColorDepth, COLOUR_DEPTH);
}

static BOOL peer_prepare(freerdp_peer *peer, int control)
{
    struct visit *v = (struct visit *)peer->context;
    rdpInput *input = v->context.input;
    rdpUpdate *update = v->context.update;
    v->control = control;
    if (!settings_make(v->context.settings))
        return FALSE;
    peer->Capabilities = on_capabilities;
    peer->PostConnect = on_connected;
    peer->Activate = on_activate;
    input->KeyboardEvent = on_key;
    input->UnicodeKeyboardEvent = on_unicode;
    input->SynchronizeEvent = on_locks;
    input->MouseEvent = on_mouse;
    update->RefreshRect = on_refresh;
    update->SuppressOutput = on_suppress;
    if (!peer->Initialize(peer))
        return FALSE;
    rdpTransportIo io = *freerdp_get_io_callbacks(peer->context);
    io.TLSAccept = no_tls;
    return freerdp_set_io_callbacks(peer->context, &io);
}

static DWORD patience(const struct visit *v)
{
    bool moves = v->shown && v->scene.show.page == LOBBY_PAGE_WAIT && v->scene.show.seconds;
    return moves ? TICK_MS : INFINITE;
}

static void run(freerdp_peer *peer, HANDLE control)
{
    struct visit *v = (struct visit *)peer->context;
    HANDLE handles[HANDLES_MAX];
    while (!v->over) {
        DWORD count = peer->GetEventHandles(peer, handles, HANDLES_MAX - 1);
        if (!count)
            return;
        handles[count] = control;
        DWORD result = WaitForMultipleObjects(count + 1, handles, FALSE, patience(v));
        if (result == WAIT_FAILED)
            return;
        if (result == WAIT_TIMEOUT && !picture_send(v))
            return;
        if (WaitForSingleObject(control, 0) == WAIT_OBJECT_0 && !control_read(v))
            return;
        if (!peer->CheckFileDescriptor(peer))
            return;
    }
}

static void visit_finish(struct visit *v)
{
    form_wipe(&v->scene.form);
    keyboard_destroy(&v->keyboard);
    tiles_finish(&v->tiles);
    paint_destroy(&v->paint);
}

void peer_serve(int rdp, int control)
{
    HANDLE event = CreateFileDescriptorEvent(NULL, FALSE, FALSE, control, WINPR_FD_READ);
    freerdp_peer *peer = freerdp_peer_new(rdp);
    if (peer)
        peer->ContextSize = sizeof(struct visit);
    if (event && peer && freerdp_peer_context_new(peer)) {
        if (peer_prepare(peer, control))
            run(peer, event);
        visit_finish((struct visit *)peer->context);
        peer->Disconnect(peer);
        freerdp_peer_context_free(peer);
    } else {
        close(rdp);
    }
    freerdp_peer_free(peer);
    if (event)
        CloseHandle(event);
    close(control);
}

void peer_library_init(void)
{
    /* A client that goes away is no error; what is wrong with the lobby, the gateway tells. */
    WLog_SetLogLevel(WLog_GetRoot(), WLOG_ERROR);
}
