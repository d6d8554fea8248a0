/* Every configuration key: X(section, key, TYPE, "default", "what it does"). The member in struct config is
 * section_key, with _ms or _bytes behind durations and sizes. The manual page carrel.conf(5) and
 * config/carrel.conf are checked against this table by the test suite.
 */
#ifndef CARREL_CONFIG_KEYS_H
#define CARREL_CONFIG_KEYS_H

#define CONFIG_KEYS(X)                                                                                       \
    X(store, path, TEXT, "/var/lib/carrel/store/carrel.db", "the SQLite file that broker and vmpool share")  \
    X(store, key_file, TEXT, "/var/lib/carrel/store/store.key", "the key that seals the secrets in it")      \
    X(log, level, TEXT, "info", "error, warning, info or debug")                                             \
    X(log, file, TEXT, "", "a file instead of standard error; reopened on SIGHUP")                           \
    X(broker, socket, TEXT, "/run/carrel/broker.sock", "the unix socket of the API")                         \
    X(broker, admins, TEXT, "root", "system users that may administer")                                      \
    X(broker, gateways, TEXT, "carrel-gateway", "system users that gateways run as")                         \
    X(broker, max_connections, NUMBER, "1024", "API connections at once; more are closed")                   \
    X(broker, max_body, BYTES, "64KiB", "largest request body; a larger one gets 413")                       \
    X(broker, request_timeout, DURATION, "60s", "an idle API connection is closed after this")               \
    X(broker, claim_hold, DURATION, "90s", "how long an assigned desktop waits for its user")                \
    X(broker, wait_limit, DURATION, "180s", "how long a user's place is kept while no desktop is ready")     \
    X(broker, logoff_wait, DURATION, "20s", "how long a guest has to log its user off when it is told to")   \
    X(broker, machine_keep, DURATION, "10min",                                                               \
      "how long a static pool keeps a disconnected session's place")                                         \
    X(broker, machine_check, DURATION, "15s",                                                                \
      "how often a machine of a static pool is asked whether it answers")                                    \
    X(broker, machine_failures, NUMBER, "3", "missing answers after which it is down; 0: not asked")         \
    X(broker, gateway_lease, DURATION, "15s", "a gateway silent for longer is lost")                         \
    X(broker, login_tries, NUMBER, "5", "failed log-ins of a user or address before pauses begin")           \
    X(broker, login_pause, DURATION, "2s", "the first pause; it doubles with each failure")                  \
    X(broker, login_pause_max, DURATION, "5min", "the longest pause")                                        \
    X(broker, login_workers, NUMBER, "2", "threads that check passwords (64 MiB each)")                      \
    X(broker, password_memory, BYTES, "64MiB", "memory that hashing a password takes, against guessing")     \
    X(broker, reconnect_limit, DURATION, "10min",                                                            \
      "a client that lost its network returns without a password")                                           \
    X(broker, nla, FLAG, "off", "keeps an NT hash of each password, so that clients can log in by NLA")      \
    X(broker, otp, TEXT, "optional", "one-time codes: off, optional or required")                            \
    X(broker, password_max_age, DURATION, "0s", "a password this old has to be changed; 0: never")           \
    X(broker, password_min_length, NUMBER, "8", "characters of a new password; 0: any will do")              \
    X(broker, kerberos_keytab, TEXT, "",                                                                     \
      "keys of TERMSRV/gateway: tickets instead of passwords; empty: none")                                  \
    X(broker, kerberos_realm, TEXT, "", "whose principals are users, by the name before the @")              \
    X(broker, kerberos_other_realms, FLAG, "off",                                                            \
      "principals of other realms are users by their whole name")                                            \
    X(broker, user_sessions, NUMBER, "0",                                                                    \
      "sessions that a user may have at once over all pools; 0: any number")                                 \
    X(broker, max_sessions, NUMBER, "0", "sessions that there may be at once in all; 0: any number")         \
    X(broker, event_keep, DURATION, "30d", "events, ended sessions and orders older than this are removed")  \
    X(gateway, name, TEXT, "", "this gateway's name; empty: the host's name")                                \
    X(gateway, listen, TEXT, "0.0.0.0:3389, [::]:3389", "addresses to listen on")                            \
    X(gateway, user, TEXT, "", "the account that a gateway started as root becomes; empty: none")            \
    X(gateway, seccomp, TEXT, "enforce", "system calls it does not need: enforce, log or off")               \
    X(gateway, broker_socket, TEXT, "/run/carrel/broker.sock", "where the broker listens")                   \
    X(gateway, threads, NUMBER, "0", "event loops; 0: one per core")                                         \
    X(gateway, state_dir, TEXT, "/var/lib/carrel/gateway", "where a certificate is made when none is set")   \
    X(gateway, certificate, TEXT, "", "PEM file with the certificate chain; empty: self-signed")             \
    X(gateway, key, TEXT, "", "PEM file with the certificate's private key")                                 \
    X(gateway, self_signed, TEXT, "ecdsa", "key of a certificate made here: ecdsa or rsa")                   \
    X(gateway, security, TEXT, "negotiate", "negotiate, nla or tls: what clients are offered")               \
    X(gateway, max_connections, NUMBER, "10000", "connections in all; more are closed at once")              \
    X(gateway, max_per_address, NUMBER, "256", "connections per client address; more are closed at once")    \
    X(gateway, max_logins, NUMBER, "1024", "connections that have not logged in; more are closed at once")   \
    X(gateway, max_before_login, BYTES, "64KiB", "bytes that a client may send before its log-in")           \
    X(gateway, preamble_timeout, DURATION, "10s", "for the first request of a connection")                   \
    X(gateway, tls_timeout, DURATION, "10s", "for the TLS handshake")                                        \
    X(gateway, login_timeout, DURATION, "20s", "from the end of TLS to the user's name and password")        \
    X(gateway, broker_timeout, DURATION, "20s", "for the broker's first answer")                             \
    X(gateway, desktop_wait, DURATION, "7s", "how long a client is kept waiting for a desktop")              \
    X(gateway, lobby, FLAG, "on", "pictures while a desktop starts, and a log-in form")                      \
    X(gateway, lobby_after, DURATION, "3s", "a desktop that takes longer is waited for in the lobby")        \
    X(gateway, lobby_wait, DURATION, "5min", "how long the lobby waits for a desktop, or for a person")      \
    X(gateway, lobby_max, NUMBER, "200", "pictures that the lobby shows at once; others wait without")       \
    X(gateway, lobby_form_max, NUMBER, "50", "of these, log-in forms for who has not logged in yet")         \
    X(gateway, lobby_program, TEXT, "", "the lobby's program; empty: carrel-lobby beside the gateway's")     \
    X(gateway, dial_timeout, DURATION, "10s", "for the connection sequence with the guest")                  \
    X(gateway, close_timeout, DURATION, "5s", "for the last bytes to leave at the end")                      \
    X(gateway, proxy_networks, TEXT, "", "balancers that say who their clients are (PROXY protocol 2)")      \
    X(gateway, metrics, TEXT, "", "address of /metrics, /healthz and /readyz; empty: none")                  \
    X(gateway, heartbeat, DURATION, "3s", "how often the broker hears of this gateway")                      \
    X(vmpool, name, TEXT, "", "this vmpool's name; empty: the host's name")                                  \
    X(vmpool, image_dir, TEXT, "/var/lib/carrel/images", "golden images")                                    \
    X(vmpool, desktop_dir, TEXT, "/var/lib/carrel/desktops", "overlays and serial logs of desktops")         \
    X(vmpool, golden_dir, TEXT, "/var/lib/carrel/golden",                                                    \
      "memory and disks that instant clones are forked from")                                                \
    X(vmpool, data_dir, TEXT, "/var/lib/carrel/data", "the data disks of users")                             \
    X(vmpool, template, TEXT, "/etc/carrel/domain.xml", "the template of a guest's domain XML")              \
    X(vmpool, windows_template, TEXT, "/etc/carrel/domain-windows.xml", "the same for Windows guests")       \
    X(vmpool, virt, TEXT, "auto", "auto, kvm or qemu: hardware or software virtualisation")                  \
    X(vmpool, port_range, TEXT, "22000-28999", "loopback ports of guests on user-mode networks")             \
    X(vmpool, parallel_boots, NUMBER, "4", "guests of one host that may boot at once")                       \
    X(vmpool, disk_reserve, BYTES, "64MiB", "a host with less room for overlays gets no new guests")         \
    X(vmpool, host_timeout, DURATION, "60s", "a host silent for longer is lost with its desktops")           \
    X(vmpool, lease, DURATION, "15s", "hosts of a vmpool silent for longer are taken over by another")       \
    X(vmpool, clone_timeout, DURATION, "60s", "for making a guest's disk and starting it")                   \
    X(vmpool, boot_timeout, DURATION, "240s", "from start to an answer on the RDP port")                     \
    X(vmpool, join_hook, TEXT, "", "a program that is run for each new desktop before it is ready")          \
    X(vmpool, join_timeout, DURATION, "300s", "so long it may take")                                         \
    X(vmpool, recycle_timeout, DURATION, "60s", "for removing a guest")                                      \
    X(vmpool, logoff_grace, DURATION, "5s", "between a log-off told by the guest and recycling")             \
    X(vmpool, retry_pause, DURATION, "5s", "first pause of a pool after a failed guest; it doubles")         \
    X(vmpool, retry_pause_max, DURATION, "10min", "the longest pause")                                       \
    X(vmpool, failure_limit, NUMBER, "8", "failures in a row before a pool stops")                           \
    X(vmpool, health_check, DURATION, "30s", "how often a desktop that stands is asked; 0s: never")          \
    X(vmpool, health_failures, NUMBER, "5", "probes that have to fail ...")                                  \
    X(vmpool, health_time, DURATION, "2min", "... over so long before a desktop is replaced")                \
    X(vmpool, health_rate, NUMBER, "20", "probes a second in all, at most")                                  \
    X(vmpool, failed_logs, NUMBER, "10", "serial logs of failed guests that are kept of each pool")          \
    X(vmpool, keep_versions, NUMBER, "0", "newest ready versions of an image that stay unused; 0: all")      \
    X(vmpool, keepalive, DURATION, "5s", "libvirt keep-alive interval; three missed end a connection")       \
    X(vmpool, sweep, DURATION, "5s", "safety net: how often pools are looked at without an event")

#endif
