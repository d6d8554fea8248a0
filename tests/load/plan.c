#include "plan.h"

#include <getopt.h>
#include <math.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "carrel_build.h"
#include "client.h"
#include "gcc.h"
#include "traffic.h"

enum { SOAK_PDU_RATE = 2 }; /* a second and session each way, where none was asked for */

static const char help[] =
    "usage: carrel-load SCENARIO [options]\n"
    "\n"
    "RDP clients and fake guests in one process, to load and to measure a gateway. See carrel-load(1).\n"
    "\n"
    "scenarios\n"
    "  login      so many log-ins; each ends when its desktop is active\n"
    "  stream     sessions over which the guest pours out PDUs; every byte is compared\n"
    "  latency    an input PDU, and the time until the output that answers it\n"
    "  idle       sessions that do nothing: memory, CPU\n"
    "  reconnect  all sessions are cut at once and come back, again and again\n"
    "  slow       as stream, with clients that read slowly\n"
    "  soak       all at once and for long: paced streams and inputs, slow readers, resets, guests that "
    "end;\n"
    "             who was cut comes back, every byte is accounted for, and growing memory is told\n"
    "  guest      only the fake guest, for other clients, until SIGTERM\n"
    "  record     a proxy between a real client and the real desktop at --target, that writes what they say\n"
    "  limit      no network: what AES-GCM alone takes for the bytes of a stream\n"
    "  bare       the same with sockets: what a relay that understands nothing takes on this kernel\n"
    "\n"
    "what is measured\n"
    "  -t, --target HOST:PORT   the gateway; without it clients connect to the fake guest directly\n"
    "  -g, --guest HOST:PORT    where the fake guest listens (127.0.0.1, any port)\n"
    "      --no-guest           the desktops are somebody else's\n"
    "      --tls                TLS from the first byte and no RDP before the stream: for TLS proxies\n"
    "  -w, --watch NAME=PID     report CPU and memory of this process as NAME (again for more)\n"
    "\n"
    "who logs in\n"
    "  -u, --users FILE         lines of user:password, used in turn (load00000:load, load00001:load, ...)\n"
    "  -n, --sessions N         sessions, or log-ins in all (1)\n"
    "  -r, --rate R             log-ins started in a second (0: as many as --concurrency lets)\n"
    "  -c, --concurrency N      log-ins under way at once (32)\n"
    "      --channels N         static virtual channels that a client asks for (4)\n"
    "      --joins              join each channel by itself, as older clients do\n"
    "      --timeout S          a log-in that takes longer has failed (30)\n"
    "\n"
    "what they do\n"
    "  -d, --duration S         of the measurement (5)\n"
    "      --settle S           wait so long before it (0)\n"
    "  -s, --pdu BYTES          length of output PDUs, 14 to 32767 (8000)\n"
    "      --pdu-rate R         output PDUs a second and session (0: as fast as they are taken)\n"
    "      --input-rate R       input PDUs a second and session (0: one after the other)\n"
    "      --answer BYTES       length of the output that answers an input (200)\n"
    "      --read-rate BYTES    what a slow reader takes in a second (100000)\n"
    "      --rounds N           how often all are cut (3)\n"
    "      --reset-rate R       sessions of a soak that clients reset in a second (1)\n"
    "      --guest-end-rate R   sessions of a soak that guests end in a second, every other by a reset (1)\n"
    "      --slow-every N       each Nth session of a soak reads slowly (50; 0: none)\n"
    "      --traffic recording:FILE   stream: guests and clients play this recorded session, again and "
    "again, or\n"
    "                           once where no --duration is given; every byte is compared\n"
    "      --speed X            so much faster than it was recorded (1)\n"
    "      --recording FILE     record: where to\n"
    "      --rsa                the fake guest's key is RSA of 2048 bits, not P-256\n"
    "      --tickets            the fake guest lets TLS sessions be resumed\n"
    "\n"
    "what comes out\n"
    "      --json FILE, --csv FILE, --html FILE   the report as data or page (- is standard output)\n"
    "  -R, --require RULE       'login.p99<500ms', 'sessions.lost=0': exit status 1 where one does not hold\n"
    "  -q, --quiet              no text\n"
    "  -h, --help, --version\n"
    "\n"
    "exit status: 0; 1 a requirement does not hold; 2 the command line; 3 the run itself failed\n";

enum {
    OPT_NO_GUEST = 256,
    OPT_TLS,
    OPT_CHANNELS,
    OPT_JOINS,
    OPT_TIMEOUT,
    OPT_SETTLE,
    OPT_PDU_RATE,
    OPT_INPUT_RATE,
    OPT_ANSWER,
    OPT_READ_RATE,
    OPT_ROUNDS,
    OPT_RESET_RATE,
    OPT_GUEST_END_RATE,
    OPT_SLOW_EVERY,
    OPT_TRAFFIC,
    OPT_SPEED,
    OPT_RECORDING,
    OPT_RSA,
    OPT_TICKETS,
    OPT_JSON,
    OPT_CSV,
    OPT_HTML,
    OPT_VERSION,
};

static const struct option options[] = {
    {"target", required_argument, NULL, 't'},
    {"guest", required_argument, NULL, 'g'},
    {"no-guest", no_argument, NULL, OPT_NO_GUEST},
    {"tls", no_argument, NULL, OPT_TLS},
    {"watch", required_argument, NULL, 'w'},
    {"users", required_argument, NULL, 'u'},
    {"sessions", required_argument, NULL, 'n'},
    {"rate", required_argument, NULL, 'r'},
    {"concurrency", required_argument, NULL, 'c'},
    {"channels", required_argument, NULL, OPT_CHANNELS},
    {"joins", no_argument, NULL, OPT_JOINS},
    {"timeout", required_argument, NULL, OPT_TIMEOUT},
    {"duration", required_argument, NULL, 'd'},
    {"settle", required_argument, NULL, OPT_SETTLE},
    {"pdu", required_argument, NULL, 's'},
    {"pdu-rate", required_argument, NULL, OPT_PDU_RATE},
    {"input-rate", required_argument, NULL, OPT_INPUT_RATE},
    {"answer", required_argument, NULL, OPT_ANSWER},
    {"read-rate", required_argument, NULL, OPT_READ_RATE},
    {"rounds", required_argument, NULL, OPT_ROUNDS},
    {"reset-rate", required_argument, NULL, OPT_RESET_RATE},
    {"guest-end-rate", required_argument, NULL, OPT_GUEST_END_RATE},
    {"slow-every", required_argument, NULL, OPT_SLOW_EVERY},
    {"traffic", required_argument, NULL, OPT_TRAFFIC},
    {"speed", required_argument, NULL, OPT_SPEED},
    {"recording", required_argument, NULL, OPT_RECORDING},
    {"rsa", no_argument, NULL, OPT_RSA},
    {"tickets", no_argument, NULL, OPT_TICKETS},
    {"json", required_argument, NULL, OPT_JSON},
    {"csv", required_argument, NULL, OPT_CSV},
    {"html", required_argument, NULL, OPT_HTML},
    {"require", required_argument, NULL, 'R'},
    {"quiet", no_argument, NULL, 'q'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, OPT_VERSION},
    {0},
};

static const char *const scenario_names[] = {
    [PLAN_LOGIN] = "login",   [PLAN_STREAM] = "stream",       [PLAN_LATENCY] = "latency",
    [PLAN_IDLE] = "idle",     [PLAN_RECONNECT] = "reconnect", [PLAN_SLOW] = "slow",
    [PLAN_SOAK] = "soak",     [PLAN_GUEST] = "guest",         [PLAN_LIMIT] = "limit",
    [PLAN_RECORD] = "record", [PLAN_BARE] = "bare",
};

const char *plan_scenario_name(enum plan_scenario scenario)
{
    return scenario_names[scenario];
}

static int address_parse(const char *text, struct sockaddr_storage *ret, socklen_t *ret_len,
                         struct error *err)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    char host[256];
    const char *colon = strrchr(text, ':');
    size_t len = colon ? (size_t)(colon - text) : 0;
    if (!colon || len >= sizeof host || !colon[1])
        return error_set(err, CE_BAD_INPUT, "'%s' is not HOST:PORT", text);
    bool bracketed = len > 2 && text[0] == '[' && text[len - 1] == ']';
    snprintf(host, sizeof host, "%.*s", (int)(bracketed ? len - 2 : len), text + bracketed);
    int rc = getaddrinfo(host, colon + 1, &hints, &found);
    if (rc)
        return error_set(err, CE_BAD_INPUT, "%s: %s", text, gai_strerror(rc));
    memcpy(ret, found->ai_addr, found->ai_addrlen);
    *ret_len = found->ai_addrlen;
    freeaddrinfo(found);
    return 0;
}

/* A number from LOW to HIGH. */
static int number_parse(const char *text, const char *what, double low, double high, double *ret,
                        struct error *err)
{
    char *end;
    double number = strtod(text, &end);
    if (end == text || *end || !isfinite(number) || number < low || number > high)
        return error_set(err, CE_BAD_INPUT, "%s is '%s'; a number from %g to %g was expected", what, text,
                         low, high);
    *ret = number;
    return 0;
}

/* The options that are numbers, with their bounds. */
static int number_option(struct plan *p, int option, const char *text, struct error *err)
{
    const struct {
        int option;
        const char *name;
        double low, high;
        uint32_t *whole;
        uint64_t *ms;
        double *real;
    } known[] = {
        {'n', "--sessions", 1, 1e6, &p->sessions, NULL, NULL},
        {'r', "--rate", 0, 1e6, NULL, NULL, &p->rate},
        {'c', "--concurrency", 1, 1e6, &p->concurrency, NULL, NULL},
        {OPT_CHANNELS, "--channels", 0, GCC_CHANNELS_MAX, &p->channels, NULL, NULL},
        {OPT_TIMEOUT, "--timeout", 0.1, 3600, NULL, &p->timeout_ms, NULL},
        {'d', "--duration", 0.1, 86400, NULL, &p->duration_ms, NULL},
        {OPT_SETTLE, "--settle", 0, 3600, NULL, &p->settle_ms, NULL},
        {'s', "--pdu", TRAFFIC_OUTPUT_MIN, TRAFFIC_OUTPUT_MAX, &p->pdu_bytes, NULL, NULL},
        {OPT_PDU_RATE, "--pdu-rate", 0, 1e6, NULL, NULL, &p->pdu_rate},
        {OPT_INPUT_RATE, "--input-rate", 0, 1e6, NULL, NULL, &p->input_rate},
        {OPT_ANSWER, "--answer", TRAFFIC_OUTPUT_MIN, TRAFFIC_OUTPUT_MAX, &p->answer_bytes, NULL, NULL},
        {OPT_READ_RATE, "--read-rate", 1, 1e12, NULL, NULL, &p->read_rate},
        {OPT_ROUNDS, "--rounds", 1, 1e6, &p->rounds, NULL, NULL},
        {OPT_SPEED, "--speed", 0.01, 1000, NULL, NULL, &p->speed},
        {OPT_RESET_RATE, "--reset-rate", 0, 1e4, NULL, NULL, &p->reset_rate},
        {OPT_GUEST_END_RATE, "--guest-end-rate", 0, 1e4, NULL, NULL, &p->guest_end_rate},
        {OPT_SLOW_EVERY, "--slow-every", 0, 1e6, &p->slow_every, NULL, NULL},
    };
    for (unsigned i = 0; i < sizeof known / sizeof known[0]; i++) {
        double number = 0;
        if (known[i].option != option)
            continue;
        int rc = number_parse(text, known[i].name, known[i].low, known[i].high, &number, err);
        if (rc)
            return rc;
        if (known[i].whole)
            *known[i].whole = (uint32_t)number;
        else if (known[i].ms)
            *known[i].ms = (uint64_t)(number * 1000);
        else
            *known[i].real = number;
        return 0;
    }
    return error_set(err, CE_BAD_INPUT, "see carrel-load --help");
}

static int list_option(struct plan *p, int option, const char *text, struct error *err)
{
    if (option == 'w') {
        if (p->watch_count == PLAN_WATCHES_MAX)
            return error_set(err, CE_LIMIT, "more than %d processes to watch", PLAN_WATCHES_MAX);
        return watched_parse(&p->watches[p->watch_count++], text, err);
    }
    if (p->require_count == PLAN_REQUIRES_MAX)
        return error_set(err, CE_LIMIT, "more than %d requirements", PLAN_REQUIRES_MAX);
    return require_parse(&p->requires[p->require_count++], text, err);
}

static const char traffic_prefix[] = "recording:";

static int option_take(struct plan *p, int option, struct error *err)
{
    switch (option) {
    case 't':
        p->direct = false;
        return address_parse(optarg, &p->target, &p->target_len, err);
    case 'g':
        return address_parse(optarg, &p->guest, &p->guest_len, err);
    case 'u':
        p->users_path = optarg;
        return 0;
    case 'q':
        p->quiet = true;
        return 0;
    case 'w':
    case 'R':
        return list_option(p, option, optarg, err);
    case OPT_NO_GUEST:
        p->no_guest = true;
        return 0;
    case OPT_TLS:
        p->rdp = false;
        return 0;
    case OPT_JOINS:
        p->joins = true;
        return 0;
    case OPT_RSA:
        p->rsa = true;
        return 0;
    case OPT_TICKETS:
        p->tickets = true;
        return 0;
    case OPT_JSON:
        p->json_path = optarg;
        return 0;
    case OPT_CSV:
        p->csv_path = optarg;
        return 0;
    case OPT_HTML:
        p->html_path = optarg;
        return 0;
    case OPT_TRAFFIC:
        if (strncmp(optarg, traffic_prefix, sizeof traffic_prefix - 1) != 0)
            return error_set(err, CE_BAD_INPUT, "--traffic is '%s'; recording:FILE was expected", optarg);
        p->recording_path = optarg + sizeof traffic_prefix - 1;
        return 0;
    case OPT_RECORDING:
        p->record_path = optarg;
        return 0;
    case 'd':
        p->duration_given = true;
        return number_option(p, option, optarg, err);
    case OPT_INPUT_RATE:
        p->input_wanted = true;
        return number_option(p, option, optarg, err);
    default:
        return number_option(p, option, optarg, err);
    }
}

static int scenario_parse(struct plan *p, int argc, char **argv, struct error *err)
{
    if (optind + 1 != argc)
        return error_set(err, CE_BAD_INPUT, "one scenario was expected; see carrel-load --help");
    for (int i = 0; i < PLAN_SCENARIO_COUNT; i++) {
        if (!strcmp(argv[optind], scenario_names[i])) {
            p->scenario = (enum plan_scenario)i;
            p->input_wanted |= p->scenario == PLAN_LATENCY || p->scenario == PLAN_SOAK;
            return 0;
        }
    }
    return error_set(err, CE_BAD_INPUT, "'%s' is no scenario; see carrel-load --help", argv[optind]);
}

/* Both ends of each session are compared, so both must be the kit's; and a soak has a pace. */
static int soak_check(struct plan *plan, struct error *err)
{
    if (plan->no_guest || !plan->rdp)
        return error_set(err, CE_BAD_INPUT, "a soak needs the fake guest, and RDP");
    if (plan->pdu_rate <= 0)
        plan->pdu_rate = SOAK_PDU_RATE;
    if (plan->input_rate <= 0)
        plan->input_rate = SOAK_PDU_RATE;
    return 0;
}

static int recording_check(const struct plan *plan, struct error *err)
{
    bool records = plan->scenario == PLAN_RECORD;
    if (records && (plan->direct || !plan->record_path))
        return error_set(err, CE_BAD_INPUT, "record needs --target, the desktop, and --recording, the file");
    if (!records && plan->record_path)
        return error_set(err, CE_BAD_INPUT,
                         "--recording is of record; what is played is --traffic recording:FILE");
    if (!plan->recording_path)
        return 0;
    if (plan->scenario != PLAN_STREAM || !plan->rdp || plan->no_guest || plan->input_wanted)
        return error_set(err, CE_BAD_INPUT,
                         "a recording is played by stream, in RDP, with the fake guest and its own inputs");
    return 0;
}

int plan_parse(struct plan *plan, int argc, char **argv, struct error *err)
{
    *plan = (struct plan){.direct = true,
                          .rdp = true,
                          .channels = 4,
                          .sessions = 1,
                          .concurrency = 32,
                          .rounds = 3,
                          .duration_ms = 5000,
                          .timeout_ms = 30000,
                          .pdu_bytes = 8000,
                          .answer_bytes = 200,
                          .read_rate = 100000,
                          .reset_rate = 1,
                          .guest_end_rate = 1,
                          .slow_every = 50,
                          .speed = 1};
    int rc = address_parse("127.0.0.1:0", &plan->guest, &plan->guest_len, err), option;
    opterr = 0;
    while (!rc && (option = getopt_long(argc, argv, "t:g:w:u:n:r:c:d:s:R:qh", options, NULL)) != -1) {
        if (option == 'h') {
            fputs(help, stdout);
            return 1;
        }
        if (option == OPT_VERSION) {
            puts("carrel-load " CARREL_VERSION);
            return 1;
        }
        if (option == '?')
            return error_set(err, CE_BAD_INPUT, "'%s' is not understood; see carrel-load --help",
                             argv[optind - 1]);
        rc = option_take(plan, option, err);
    }
    if (!rc)
        rc = scenario_parse(plan, argc, argv, err);
    if (!rc && plan->direct && plan->no_guest)
        rc = error_set(err, CE_BAD_INPUT,
                       "without --target and without a fake guest there is nothing to load");
    if (!rc && plan->scenario == PLAN_SOAK)
        rc = soak_check(plan, err);
    if (!rc)
        rc = recording_check(plan, err);
    return rc;
}
