/* The handlers of the health program, and what they share. */
#ifndef HEALTH_H
#define HEALTH_H

#include "fastcgi/app.h"

app_handler health_healthz, health_readyz, health_metrics;

enum { HEALTH_FRESH_MS = 250, HEALTH_WAIT_MS = 6000 };

/* Whether the stores work: code ERR_NONE means yes, else the text says why not. */
struct health {
	struct err datasets, images;
};
/* Checks both stores at once. One thread asks them; requests that come meanwhile get its result. The result stays
 * valid for as long as it took, at most HEALTH_FRESH_MS: so stores that answer at once are always asked, and a crowd
 * that waited for one that hangs is answered at once. Answers within HEALTH_WAIT_MS, even if nothing is known by
 * then; only the thread that asks waits as long as the stores take (some 4 s at most). Thread-safe. */
void health_check(struct app *app, struct health *out);

#endif
