/* The handlers of the health program, and what they share. */
#ifndef HEALTH_H
#define HEALTH_H

#include "fastcgi/app.h"

app_handler health_healthz, health_readyz, health_metrics;

enum { HEALTH_FRESH_MS = 250, HEALTH_WAIT_MS = 6000, HEALTH_DISKS_MAX = 3 };

/* Whether the stores work: code ERR_NONE means yes, else the text says why not. */
struct health {
	struct err datasets, images;
};
/* Checks both stores at once. One thread asks them; requests that come meanwhile get its result. The result stays
 * valid for as long as it took, at most HEALTH_FRESH_MS: so stores that answer at once are always asked, and a crowd
 * that waited for one that hangs is answered at once. Answers within HEALTH_WAIT_MS, even if nothing is known by
 * then; only the thread that asks waits as long as the stores take (some 4 s at most). Thread-safe. */
void health_check(struct app *app, struct health *out);
/* "ok", or what is wrong. */
const char *health_word(const struct err *err);

/* A disk that the server writes to; sizes in bytes, and free is what is left for others than root. */
struct health_disk {
	const char *name; /* of what lies there: "state", "datasets", "images" */
	bool known;       /* false: the folder is gone, or its disk does not answer */
	bool no_more_files;
	uint64_t size, free;
};
/* Those of the state folder, and of the stores that are files of this machine; returns how many. */
size_t health_disks(const struct app *app, struct health_disk disks[HEALTH_DISKS_MAX]);
/* ERR_UNAVAILABLE if one has less room than limits.disk_free_bytes. */
int health_check_disks(const struct app *app, struct err *err);

/* How many datasets cannot be served, as the last look found: opening all takes time, so that is kept for a while. */
struct health_datasets {
	size_t count, broken;
	struct err list; /* why the datasets could not be listed; ERR_NONE if they could */
};
/* False: it is not known yet. */
bool health_look(struct app *app, struct health_datasets *out);

/* All that is needed to serve: each part fails by itself. */
struct health_parts {
	struct health stores;
	struct health_datasets looked; /* not asked while the store is down */
	struct err datasets, disk;
};
void health_ask(struct app *app, struct health_parts *out);
bool health_is_ready(const struct health_parts *parts);

#endif
