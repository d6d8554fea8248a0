/* A message on the screen of a session: painted by the lobby, put as bitmap updates between two of the guest's PDUs,
 * repeated while it is to be seen, since the guest may paint over it, and taken away by asking the guest to paint that
 * part anew. A session that still looks at the lobby is shown it there.
 *
 *     waiting -> painting -> up -> leaving -> (gone)
 *        ^   \-> lobby ------+---------------> (gone)
 *        +---------+---------+
 *
 * Owned by its session, on the session's thread; NULL there while nobody says anything.
 */
#ifndef CARREL_GATEWAY_BANNER_H
#define CARREL_GATEWAY_BANNER_H

struct broker_message;
struct session;

/* An order of the broker. An older message gives way. */
void banner_order(struct session *s, const struct broker_message *message);

/* The last thing in each event of a session that has a banner: was it clicked away, or painted over? */
void banner_look(struct session *s);

/* At the session's end. Harmless without a banner. */
void banner_close(struct session *s);

#endif
