/* Puts what libmongoc reports beside its errors into the error that is being made, or into the program's log. */
#include "dataset/mongodb/store.h"

static _Thread_local char *hearing; /* mongodb_hear's */

void mongodb_hear(char said[MONGODB_SAID_MAX])
{
	hearing = said;
}

dataset_log *mongodb_log;

void mongodb_log_to(dataset_log *log)
{
	mongodb_log = log;
}

static void log_line(mongoc_log_level_t level, const char *domain, const char *message, void *data)
{
	enum log_level ours = level <= MONGOC_LOG_LEVEL_CRITICAL  ? LOG_ERROR
	                      : level == MONGOC_LOG_LEVEL_WARNING ? LOG_WARN
	                                                          : LOG_DEBUG;

	(void)data;
	if (hearing) {
		snprintf(hearing, MONGODB_SAID_MAX, ": %s", message);
		return;
	}
	/* No news: the server has already ended that transaction, and it runs again. */
	if (strncmp(message, "Error in abortTransaction", 25) == 0)
		return;
	if (level <= MONGOC_LOG_LEVEL_WARNING)
		mongodb_log(ours, "mongodb", "domain", domain, "detail", message, NULL);
}

static void start_library(void)
{
	mongoc_log_set_handler(log_line, NULL);
	mongoc_init();
}

void mongodb_log_start(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, start_library);
}
