/* The handlers of the datasets program. */
#ifndef DATASETS_H
#define DATASETS_H

#include "fastcgi/app.h"

app_handler datasets_list, datasets_show, datasets_create, datasets_change, datasets_remove;

#endif
