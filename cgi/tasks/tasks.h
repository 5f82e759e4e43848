/* The handlers of the tasks program. */
#ifndef TASKS_H
#define TASKS_H

#include "fastcgi/app.h"

app_handler tasks_held, tasks_lease, tasks_label, tasks_renew, tasks_release_one, tasks_skip;

#endif
