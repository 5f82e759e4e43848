/* The handlers of the health program, and what they share. */
#ifndef HEALTH_H
#define HEALTH_H

#include "fastcgi/app.h"

app_handler health_healthz, health_readyz, health_metrics;

enum { HEALTH_FRESH_MS = 250, HEALTH_WAIT_MS = 6000 };

/* How the stores are: code ERR_NONE is well, else the text says why not. */
struct health {
	struct err datasets, images;
};
/* Asks both stores at once. One thread asks at a time, and those that come meanwhile get what it learns. That is
 * good for as long as it took to learn it, at most HEALTH_FRESH_MS: stores that answer at once are always asked, and a
 * crowd that waited for one that hangs is answered at once. Answers within HEALTH_WAIT_MS, be it that nothing is known
 * by then; only who asks the stores waits as long as they take, by their own bounds (some 4 s). Thread-safe. */
void health_check(struct app *app, struct health *out);

#endif
