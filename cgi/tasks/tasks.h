/* The handlers of the tasks program. */
#ifndef TASKS_H
#define TASKS_H

#include "fastcgi/app.h"

app_handler tasks_held, tasks_lease;
app_handler tasks_label, tasks_skip, tasks_renew, tasks_release_one;
app_handler tasks_renew_many, tasks_release_many;

#endif
