/* What a program counts of its requests: a table in shared memory that /metrics, another process, reads.
 *
 * The memory is a file of fixed size in a folder of this machine, one a program, begun at 0 by each process: to
 * Prometheus that is a counter that was reset. Within a process no count goes down. Nothing is synced. A note is a few
 * atomic additions without a lock: 150 instructions a request, of the 1.9 million of a label in SQLite (callgrind).
 * Thread-safe. */
#ifndef FASTCGI_METER_H
#define FASTCGI_METER_H

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

#define METER_FOLDER "metrics" /* in the state folder */

enum {
	METER_BUCKETS = 15, /* of durations; the last one has no bound */
	METER_CLASSES = 5,  /* of statuses: 1xx to 5xx */
	METER_ROUTES_MAX = 64,
	METER_METHOD_MAX = 8, /* bytes with the NUL, like the next ones */
	METER_PATH_MAX = 96,
	METER_NAME_MAX = 32,
};

/* Upper bounds of the buckets but the last, in microseconds, and as Prometheus writes them in seconds. */
extern const struct meter_bound {
	int64_t microseconds;
	const char *seconds;
} meter_bounds[METER_BUCKETS - 1];

struct meter;
struct route;

/* Begins the program's table in folder, which is made if absent; the routes end with a NULL method. Where that cannot
 * be (a full disk), it counts all the same, but nobody can read it: *err says why, and has ERR_NONE otherwise. Never
 * NULL. */
struct meter *meter_open(const char *folder, const char *program, const struct route *routes, struct err *err);
void meter_free(struct meter *meter); /* NULL is fine */

/* A request that was answered. */
struct meter_request {
	const struct route *route; /* of meter_open's; NULL: there is none at its address */
	int status;
	int64_t microseconds;
	int64_t received, sent; /* bytes of bodies */
};
void meter_note(struct meter *meter, const struct meter_request *request);
/* A request, or an image of one, failed by what the error says; counted only if that is a store's (err.h). */
void meter_note_failure(struct meter *meter, const struct err *err);

/* A program's table, as it was at one moment or a little later. */
struct meter_class {
	uint64_t bucket[METER_BUCKETS]; /* requests whose duration is in that one alone */
	uint64_t microseconds;          /* of all of them */
};
struct meter_reading {
	char program[METER_NAME_MAX];
	pid_t pid;
	int64_t started; /* microseconds since 1970 */
	uint64_t received, sent, failed[ERR_ORIGINS];
	size_t route_count; /* with one more, the last, for requests to no route: its method and path are "" */
	struct meter_route {
		char method[METER_METHOD_MAX], path[METER_PATH_MAX];
		struct meter_class of[METER_CLASSES];
	} route[METER_ROUTES_MAX + 1];
};

/* Calls visit for each program's table in the folder, in order of name. Tables that are just being begun, or are none,
 * are passed over. ERR_UNAVAILABLE if the folder cannot be read. */
typedef void meter_visit(void *data, const struct meter_reading *reading);
int meter_read(const char *folder, meter_visit *visit, void *data, struct err *err);

#endif
