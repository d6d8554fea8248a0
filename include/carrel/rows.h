/* The rows of the store as C sees them: plain values, fixed sizes, owned by whoever holds the struct.
 * Times are milliseconds of CLOCK_REALTIME (0: not yet). Empty texts mean "none".
 * Who writes which member is said beside it: 'b' the broker (for an administrator or a user), 'v' vmpool.
 */
#ifndef CARREL_ROWS_H
#define CARREL_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <carrel/desktop_state.h>
#include <carrel/ids.h>
#include <carrel/labels.h>
#include <carrel/policy.h>

struct user_row {
    char id[ID_SIZE];
    char name[NAME_SIZE]; /* unique without regard to case */
    char full_name[128];
    bool disabled;
    int64_t created_ms;
    int64_t last_login_ms;
    int64_t password_ms; /* when the password was set; 0: there is none */
    bool must_change;    /* the password, at the next log-in */
    bool has_otp;        /* counted when read: one-time codes are set up */
};

struct group_row {
    char id[ID_SIZE];
    char name[NAME_SIZE];
    uint32_t members;
    int64_t created_ms;
};

struct entitlement_row {
    char id[ID_SIZE];
    char pool_id[ID_SIZE];
    char pool[NAME_SIZE];
    bool is_group;
    char subject_id[ID_SIZE]; /* a user's or a group's id */
    char subject[NAME_SIZE];
    struct policy policy; /* b: over the pool's */
    int64_t created_ms;
};

enum image_state { IMAGE_IMPORTING, IMAGE_READY, IMAGE_FAILED, IMAGE_DELETING };

struct image_row {
    char id[ID_SIZE];
    char name[NAME_SIZE];
    uint32_t version;
    enum image_state state;   /* v */
    uint32_t percent;         /* v: of the import */
    char reason[REASON_SIZE]; /* v: why it failed */
    char source[1024];        /* b: the file or folder to import */
    char path[1024];          /* v: the golden disk in image_dir */
    char kernel[1024];        /* direct boot: kernel and initrd, or both empty */
    char initrd[1024];
    char cmdline[512];
    char os[64];                 /* free text: "debian-13" */
    char format[16];             /* v: "qcow2", "raw" */
    char guest_user[NAME_SIZE];  /* the account that log-ins use in mode carrel */
    bool session_hook;           /* the guest tells log-off through org.carrel.session.0 */
    uint64_t virtual_size_bytes; /* v */
    uint64_t file_size_bytes;    /* v */
    int64_t created_ms;
};

enum roll_phase {
    ROLL_SCHEDULED, /* its time has not come */
    ROLL_CANARY,    /* one desktop of the new image is awaited; the pool has the old image */
    ROLL_ROLLING,   /* the pool has the new image; desktops of others are replaced */
    ROLL_STOPPED,   /* too many failures; the pool has the old image again */
    ROLL_DONE,
};

/* A pool on its way from one version of an image to another. */
struct roll_row {
    char pool_id[ID_SIZE];
    char pool[NAME_SIZE];
    char from_image_id[ID_SIZE], to_image_id[ID_SIZE]; /* empty: gone */
    char from[NAME_SIZE + 12], to[NAME_SIZE + 12];     /* "debian@3" */
    enum roll_phase phase;                             /* v; b: back, resume */
    bool paused;                                       /* b */
    uint32_t max_unavailable;                          /* b: percent of what is to stand ready */
    int64_t at_ms;                                     /* b: not before; 0: at once */
    int64_t force_after_ms; /* b: from the canary's standing until users are logged off; 0: never */
    bool renew;             /* a dedicated pool's: desktops that somebody owns get new disks */
    bool discard;           /* b, only written: although what was changed on them is lost */
    bool warned;            /* v: their log-off was announced */
    uint32_t failures;      /* v: desktops of the new image */
    uint32_t failure_limit; /* b: that many stop it */
    char reason[REASON_SIZE];
    int64_t begun_ms, rolling_ms, changed_ms;
};

struct roll_progress {
    uint32_t desktops;   /* of the pool */
    uint32_t renewed;    /* of those, of the new image */
    uint32_t old_in_use; /* of another image, with a session on them */
};

enum pool_kind { POOL_FLOATING, POOL_DEDICATED, POOL_STATIC };
enum guest_security { GUEST_SECURITY_AUTO, GUEST_SECURITY_TLS, GUEST_SECURITY_NLA };
enum pool_placement { PLACEMENT_SPREAD, PLACEMENT_PACK };
enum pool_credentials { CREDENTIALS_CARREL, CREDENTIALS_USER, CREDENTIALS_PROMPT };

/* Static pools: which machine gets the next session. */
enum pool_balance {
    BALANCE_BREADTH, /* the one that is least full */
    BALANCE_DEPTH,   /* the fullest one that has room, so that the others can rest */
};

/* Static pools: what is thought of the certificate of a machine that none was named for. */
enum pool_trust {
    TRUST_FIRST_USE, /* the first one that is seen is remembered, and no other is taken from then on */
    TRUST_ANY,       /* each is taken */
};

/* How a desktop gets its disk. */
enum pool_provision {
    PROVISION_LINKED,  /* an overlay on the image, booted */
    PROVISION_INSTANT, /* an overlay on a golden guest's disk, with that guest's memory */
    PROVISION_FULL,    /* a copy of the image, booted */
};

/* What becomes of a desktop when its user has logged off. */
enum pool_logoff {
    LOGOFF_RECYCLE, /* it is made anew from the image; a dedicated one stays its user's */
    LOGOFF_KEEP,    /* the same user gets it back as it is */
    LOGOFF_DELETE,  /* dedicated: it goes, and its user gets another one */
};

#define DATA_MOUNT_SIZE 128

/* b. How much a pool may have, 0: no limit, and what becomes of what it lent (store_pool_limits.c). */
struct pool_limits {
    enum pool_logoff logoff;
    int64_t logoff_after_ms;          /* recycle, delete: so long its user may come back to it as it is */
    uint32_t sessions_max;            /* live sessions at once; a user has one in a pool */
    uint32_t waiting_max;             /* users who wait for a desktop at once */
    uint32_t host_max;                /* its desktops on one host */
    uint32_t data_disk_mib;           /* of each user's data disk; 0: they have none */
    char data_mount[DATA_MOUNT_SIZE]; /* where it is in the guest: "home", or a folder */
};

struct pool_row {
    char id[ID_SIZE];
    char name[NAME_SIZE];
    enum pool_kind kind;
    enum pool_credentials credentials;
    char image_id[ID_SIZE];
    char image[NAME_SIZE];
    uint32_t image_version;
    uint32_t spare; /* b: how many stand ready and unassigned */
    uint32_t max;   /* b: desktops in all */
    uint32_t vcpus;
    uint32_t memory_mib;
    char network[NAME_SIZE];            /* "user" (user-mode with port forward) or a libvirt network's name */
    char pattern[NAME_SIZE];            /* names of guests: "demo-%d"; %d is the first free number */
    enum guest_security guest_security; /* b: what the gateway speaks with its guests */
    enum pool_placement placement;
    char host_labels[LABELS_SIZE]; /* b: what a host must have, and with '!' must not */
    char apart[NAME_SIZE];         /* b: "host" or a label's key whose values share its desktops evenly */
    bool enabled;                  /* b: a closed pool takes no log-in and starts no guest */
    bool deleting;                 /* b: vmpool removes its desktops, then the row */
    struct policy policy;          /* b */
    uint32_t failures;             /* v: guests that failed in a row */
    int64_t retry_at_ms;           /* v: no new guest before this */
    bool stopped; /* v: failure_limit was reached; cleared by `pool retry` or a change of the pool */
    char reason[REASON_SIZE]; /* v: the last failure's words */
    int64_t created_ms;
    enum pool_balance balance;        /* b; static pools only, as is trust */
    enum pool_trust trust;            /* b */
    char description[256];            /* b: for the people who choose between pools */
    enum pool_provision provision;    /* b; pools with guests, as are the next two */
    bool warm;                        /* b: instant clones have a session open already */
    char provision_note[REASON_SIZE]; /* v: why no instant clones are made now; empty: they are */
    struct pool_limits limits;
    /* Counted when read; a static pool's max and ready are what its machines have room for. */
    uint32_t desktops, ready, lent, starting, failed, waiting; /* waiting: sessions without a desktop */
};

enum host_state { HOST_UNKNOWN, HOST_UP, HOST_DOWN };
enum host_mode {
    HOST_ACTIVE,
    HOST_DRAINING,    /* no new guests; free ones go, users stay until they log off */
    HOST_MAINTENANCE, /* no guests at all */
};

#define HOST_CPU_PERCENT 800 /* eight virtual processors for each of the host */
#define HOST_MEMORY_PERCENT 100

struct host_row {
    char id[ID_SIZE];
    char name[NAME_SIZE];
    char uri[512];
    enum host_state state;                /* v */
    enum host_mode mode;                  /* b */
    char address[ADDRESS_SIZE];           /* b: where forwarded RDP ports of its guests are reached */
    char labels[LABELS_SIZE];             /* b */
    uint32_t cpu_percent, memory_percent; /* b: how much of it guests may be promised */
    uint32_t desktops_max;                /* b: of all pools; 0: no limit */
    char virt[16];                        /* v: "kvm" or "qemu", what works there; empty: not yet known */
    char reason[REASON_SIZE];             /* v: why it is down */
    char storage[16];                     /* v: "shared" with vmpool, or "own"; empty: not yet known */
    char desktop_storage[ID_SIZE];    /* v: where desktops' disks lie; hosts with the same see each other's */
    uint32_t vcpus;                   /* v */
    uint64_t memory_mib;              /* v */
    uint64_t disk_mib, disk_free_mib; /* v: of the desktop directory; 0: not known */
    char libvirt_version[32];         /* v */
    char hypervisor_version[32];      /* v */
    uint32_t desktops;                /* counted when read, as what follows */
    uint32_t vcpus_used;              /* of guests that run or start */
    uint64_t memory_used_mib;
    int64_t seen_ms; /* v */
    int64_t down_ms; /* v: since when it has not answered; 0: it does */
    int64_t created_ms;
};

#define LEASE_NAME_SIZE (NAME_SIZE + 8)

/* Which vmpool process may act on something. */
struct lease_row {
    char name[LEASE_NAME_SIZE]; /* "host:ID", "pools", "vmpool:NAME" */
    char owner[NAME_SIZE];      /* vmpool.name */
    char boot[ID_SIZE + 8];     /* of its process; empty: given back */
    int64_t turn;               /* rises with each renewal */
    int64_t epoch;              /* rises with each new owner */
};

enum host_image_state { HOST_IMAGE_COPYING, HOST_IMAGE_PRESENT, HOST_IMAGE_FAILED };

/* A golden image on a host with storage of its own. */
struct host_image_row {
    char host_id[ID_SIZE];
    char host[NAME_SIZE];
    char image_id[ID_SIZE];
    char image[NAME_SIZE];
    enum host_image_state state; /* v, as all */
    uint32_t percent;
    char reason[REASON_SIZE]; /* why it failed */
};

enum machine_state {
    MACHINE_UNKNOWN, /* it was not asked yet */
    MACHINE_UP,
    MACHINE_DOWN,       /* it does not answer; asked again until it does */
    MACHINE_MISTRUSTED, /* it showed another certificate than the one that is known */
};

/* A machine of a static pool; the broker's alone. */
struct machine_row {
    char id[ID_SIZE];
    char name[NAME_SIZE];
    char pool_id[ID_SIZE];
    char pool[NAME_SIZE];
    char address[ADDRESS_SIZE]; /* IPv4 or IPv6 */
    uint16_t port;
    uint32_t sessions_max; /* at once */
    uint32_t sessions;     /* that stand on it now, disconnected ones too */
    bool draining;         /* it gets no new session */
    enum machine_state state;
    int64_t state_since_ms;
    uint32_t failures; /* probes in a row that were not answered */
    char reason[REASON_SIZE];
    char fingerprint[65]; /* SHA-256 of its RDP certificate (DER), hex; empty: not known */
    int64_t created_ms;
};

/* What is between a stopped desktop and its next start. */
enum desktop_rest {
    REST_NONE,
    REST_STOPPING,   /* its guest is being shut down */
    REST_SUSPENDING, /* its guest's memory is being written to the disk */
    REST_SUSPENDED,  /* it lies there, and the next start goes on with it */
};

/* A desktop that stays its user's and is to get a new disk. */
enum desktop_renew {
    RENEW_NONE,
    RENEW_DISK,  /* it is made anew from the image before the next start */
    RENEW_FIRST, /* it was, and its guest has not been ready since */
};

struct desktop_row {
    char id[ID_SIZE];
    char name[NAME_SIZE]; /* also the libvirt domain's name */
    char pool_id[ID_SIZE];
    char pool[NAME_SIZE];
    enum pool_kind kind;
    char host_id[ID_SIZE];
    char host[NAME_SIZE];
    char image_id[ID_SIZE];
    char machine_id[ID_SIZE]; /* static: the machine that it is a place on */
    char machine[NAME_SIZE];
    char uuid[37]; /* of the libvirt domain; chosen before it is created */
    enum desktop_state state;
    int64_t state_since_ms;
    uint32_t percent;         /* v: of the way to ready */
    char reason[REASON_SIZE]; /* of failed and maintenance */
    char owner_id[ID_SIZE];   /* dedicated: whose it is; floating: who touched it (I2) */
    char owner[NAME_SIZE];
    char address[ADDRESS_SIZE]; /* v: where RDP answers */
    uint16_t port;
    char fingerprint[65]; /* v: SHA-256 of the guest's RDP certificate (DER), hex; empty: not pinned */
    char guest_user[NAME_SIZE];
    uint8_t sealed_password[600]; /* v: secret_seal() with the desktop's id as context */
    size_t sealed_len;
    char disk[1024];          /* v: the overlay */
    char golden[ID_SIZE];     /* v: the golden guest that it is a clone of; empty: it was booted */
    char session_id[ID_SIZE]; /* the live session on it, or empty */
    char session_user[NAME_SIZE];
    uint32_t attempts;          /* v: boots tried */
    bool touched;               /* a user was led to it since it was cloned (I2) */
    bool wanted;                /* counted when read: it is stopped, and its owner's session waits for it */
    enum desktop_rest rest;     /* v: of a stopped one */
    char data_disk_id[ID_SIZE]; /* v: the data disk that its guest has, or may have */
    bool data_disk_attached;    /* v */
    enum desktop_renew renew;   /* v: of a dedicated one */
    int64_t left_ms;            /* since when its user has logged off, and it is kept for them; 0: not so */
    char health[160];           /* v: that it does not answer, in words; empty: it does, or nobody knows */
    int64_t health_since_ms;
    int64_t created_ms;
};

/* A user's data disk in a pool: it moves from desktop to desktop. */
struct data_disk_row {
    char id[ID_SIZE];
    char pool_id[ID_SIZE];
    char pool[NAME_SIZE];
    char user_id[ID_SIZE]; /* empty: the user was deleted */
    char user[NAME_SIZE];
    char host_id[ID_SIZE]; /* v: where its file was made */
    char host[NAME_SIZE];
    char host_storage[16];
    uint32_t size_mib;
    bool made, formatted;     /* v */
    char desktop_id[ID_SIZE]; /* v: the one that has it, or may have it; empty: it is free */
    char desktop[NAME_SIZE];
    bool lost;     /* that desktop's guest was given up with its host, and may still have it there */
    bool attached; /* v: mounted there */
    bool deleting; /* b */
    char reason[REASON_SIZE];
    int64_t created_ms, used_ms;
};

/* A place in the log of changed desktops; all zeros: before its beginning. */
struct change_mark {
    int64_t number;
    char desktop_id[ID_SIZE]; /* of that entry, by which it is known again */
};

enum session_state {
    SESSION_STARTING,     /* logged in; waits for a desktop or for its gateway to reach the guest */
    SESSION_ACTIVE,       /* a client is connected through a gateway */
    SESSION_DISCONNECTED, /* the desktop is kept */
    SESSION_ENDED,
};

struct session_row {
    char id[ID_SIZE];
    char user_id[ID_SIZE];
    char user[NAME_SIZE];
    char pool_id[ID_SIZE];
    char pool[NAME_SIZE];
    char desktop_id[ID_SIZE]; /* empty: waiting, that is the demand that vmpool serves */
    char desktop[NAME_SIZE];
    char gateway[NAME_SIZE]; /* the gateway of the newest connection */
    char boot_id[ID_SIZE];   /* its process; empty: it did not say */
    uint32_t connection;     /* counts connections of this session; a report about an older one is stale */
    enum session_state state;
    char client_address[ADDRESS_SIZE];
    char client_name[64];
    int64_t created_ms, connected_ms, disconnected_ms, ended_ms;
    int64_t seen_ms;              /* last time that somebody waited for it or reported it */
    uint64_t bytes_in, bytes_out; /* client to guest, guest to client, of all connections */
    char end_code[32];            /* fail_code() of why it ended, or why it was last disconnected */
    char end_detail[REASON_SIZE];
    char denied[REASON_SIZE];          /* what its policy kept from it, words with blanks between them */
    int64_t ends_ms, warn_ms, keep_ms; /* its limits, see store_session_set_limits() */
    char ends_code[32];                /* fail_code() of why it ends at ends_ms; empty: its limit */
    int64_t logoff_ms;                 /* since when its guest is asked to log its user off; 0: it is not */
};

struct gateway_row {
    char name[NAME_SIZE];
    char boot_id[ID_SIZE]; /* of the process that takes connections; fresh at each start */
    char address[256];
    char fingerprint[65]; /* SHA-256 of its certificate, hex */
    char version[32];
    uint32_t sessions;
    bool up;
    int64_t started_ms, seen_ms;
    char succeeds[ID_SIZE]; /* only written: the process that this one replaces; empty: none */
    bool draining;          /* only read: wanted, it takes nobody in */
    uint32_t processes;     /* only read: it and those that it replaced and that still have sessions */
};

enum order_state { ORDER_OPEN, ORDER_DONE, ORDER_FAILED };

/* What an administrator or the broker asked of vmpool or of a gateway. */
struct order_row {
    int64_t number;             /* rises; a reader asks for what comes after N */
    char target[NAME_SIZE + 8]; /* "vmpool" or "gateway:NAME" */
    char verb[32];        /* vmpool: "desktop-recycle" "desktop-logoff" ...; gateway: "close" "message" */
    char object[ID_SIZE]; /* the id of what it is about */
    uint32_t connection;  /* gateway: which connection of the session */
    char code[32];        /* gateway: fail_code() to tell the client */
    char text[MESSAGE_TEXT_SIZE]; /* of a message, with the next two */
    uint32_t seconds;
    char sender[SENDER_SIZE]; /* who says it, as events name them */
    enum order_state state;
    char reason[REASON_SIZE];
    int64_t created_ms;
};

struct event_row {
    int64_t number;
    int64_t at_ms;
    char kind[48];        /* "session.started" "desktop.ready" "login.refused" "pool.stopped" ... */
    char object[ID_SIZE]; /* the id of what it is about */
    char session_id[ID_SIZE];
    char user[NAME_SIZE];
    char pool[NAME_SIZE];
    char desktop[NAME_SIZE];
    char text[REASON_SIZE]; /* a whole sentence */
};

#endif
