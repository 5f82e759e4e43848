/* The handler of the stats program. */
#ifndef STATS_H
#define STATS_H

#include "fastcgi/app.h"

app_handler stats_get;

#endif
