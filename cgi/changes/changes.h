/* The handler of the changes program. */
#ifndef CHANGES_H
#define CHANGES_H

#include "fastcgi/app.h"

enum {
	CHANGES_WAIT_MAX = 30,    /* seconds that a request may wait for the first change */
	CHANGES_WAITERS_MAX = 64, /* requests of a process that wait at once; more are answered without a wait. Each holds
	                           * a thread, of which the program has more than these */
	CHANGES_AT_ONCE = 500,    /* items of an answer, and some more where they belong together */
	CHANGES_POLL_MS = 200,    /* between two looks at a store that does not tell when there is something new */
	CHANGES_LOOK_MS = 1000,   /* between two looks at the client and the user's role */
};

app_handler changes_list;

#endif
